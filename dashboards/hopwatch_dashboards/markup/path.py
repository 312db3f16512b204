"""The request path as a strip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from hopwatch_dashboards import navigation, theme
from hopwatch_dashboards.markup.names import name, swatch
from hopwatch_dashboards.views.path import Step

_LABELLED = 0.06  # of the width; narrower segments are named below the strip only


def strip(steps: Sequence[Step], requests: int, parameters: Mapping[str, str]) -> Markup:
    """The steps side by side, as wide as their time, and below them their names and times;
    each leads to its hop, a gap to the hop that it leads to."""
    total = sum(step.ns for step in steps) or 1
    shown = [step for step in steps if step.ns]
    return Markup(
        '<div class="strip" role="group" aria-label="The request path, each hop as wide as its'
        ' share of the mean request">{}</div><ol class="legend">{}</ol>'
    ).format(
        Markup("").join(_segment(step, requests, total, parameters) for step in shown),
        Markup("").join(_entry(step, requests, total, parameters) for step in shown),
    )


def _segment(step: Step, requests: int, total: int, parameters: Mapping[str, str]) -> Markup:
    label = Markup("<span>{}<br>{}</span>").format(
        name(_label(step), 60), theme.time(step.ns / requests)
    )
    return Markup(
        '<a href="{}" class="{}" style="--ns:{};--colour:{}" title="{}" aria-label="{}">{}</a>'
    ).format(
        _url(step, parameters),
        step.kind,
        f"{1000 * step.ns / total:.3f}",
        theme.colour(step.language, step.kind),
        _title(step, requests, total),
        _title(step, requests, total),
        label if step.ns / total > _LABELLED else "",
    )


def _entry(step: Step, requests: int, total: int, parameters: Mapping[str, str]) -> Markup:
    return Markup('<li title="{}">{}<a href="{}">{}</a><b>{}</b></li>').format(
        _title(step, requests, total),
        swatch(theme.colour(step.language, step.kind), step.kind),
        _url(step, parameters),
        name(_label(step), 80),
        theme.time(step.ns / requests),
    )


def _label(step: Step) -> str:
    return f"{step.hop} (waiting)" if step.kind == "wait" else step.hop


def _title(step: Step, requests: int, total: int) -> str:
    return theme.readable(
        f"{_label(step)}, {step.kind}: {theme.time(step.ns / requests)} a request,"
        f" {theme.share(step.ns, total)}, {step.calls / requests:.2f} calls",
        400,
    )


def _url(step: Step, parameters: Mapping[str, str]) -> str:
    return navigation.hop_url(step.callee or step.hop, **parameters)
