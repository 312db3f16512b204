"""The request path as a strip, the ledger as a table, both with links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from hopwatch_dashboards import navigation, theme
from hopwatch_dashboards.views.breakdown import Row, Table
from hopwatch_dashboards.views.path import Step

KEY_HELP: Final = {
    "hop": "a service, a database, or the way between two services",
    "language": "what the hop is written in; - where it is no code of ours",
    "kind": "self: own work; gap: the way between two services; db: a database as its caller sees"
    " it; wait: waiting for a resource such as a connection",
    "caller": "who called the hop",
    "operation": "what was asked of the hop",
    "route": "what kind of request it was",
    "version": "service.version of the hop",
    "outcome": "whether the request failed",
}
_HOP_KINDS: Final = frozenset({"self", "wait", "db", "messaging", "remote"})


def sentences(*texts: str) -> Markup:
    """Each text as a paragraph."""
    return Markup("").join(Markup('<p class="says">{}</p>').format(text) for text in texts)


def name(text: str, longest: int = 160) -> Markup:
    """A name from spans, apart from the direction of the text around it."""
    return Markup("<bdi>{}</bdi>").format(theme.readable(text, longest))


def strip(steps: Sequence[Step], requests: int, parameters: Mapping[str, str]) -> Markup:
    """The steps side by side, as wide as their time, and below them their names and times."""
    total = sum(step.ns for step in steps) or 1
    shown = [step for step in steps if step.ns]
    segments = Markup("").join(
        Markup(
            '<a href="{}" class="{}" style="--ns:{};--colour:{}" title="{}">{}</a>'
        ).format(
            _step_url(step, parameters), step.kind, f"{step.ns / total:.6f}",
            theme.colour(step.language, step.kind), _title(step, requests, total),
            Markup("<span>{} {}</span>").format(
                name(_label(step), 60), theme.time(step.ns / requests)
            ) if step.ns / total > 0.06 else "",
        )
        for step in shown
    )  # fmt: skip
    legend = Markup("").join(
        Markup(
            '<li title="{}"><i class="swatch {}" style="--colour:{}"></i>'
            '<a href="{}">{}</a><b>{}</b></li>'
        ).format(
            _title(step, requests, total), step.kind, theme.colour(step.language, step.kind),
            _step_url(step, parameters), name(_label(step), 80), theme.time(step.ns / requests),
        )
        for step in shown
    )  # fmt: skip
    return Markup(
        '<div class="strip" role="group" aria-label="The request path, each hop as wide as its'
        ' share of the mean request">{}</div><ol class="legend">{}</ol>'
    ).format(segments, legend)


def _label(step: Step) -> str:
    return f"{step.hop} (waiting)" if step.kind == "wait" else step.hop


def _title(step: Step, requests: int, total: int) -> str:
    return theme.readable(
        f"{_label(step)}, {step.kind}: {theme.time(step.ns / requests)} a request,"
        f" {theme.share(step.ns, total)}, {step.calls / requests:.2f} calls", 400
    )  # fmt: skip


def _step_url(step: Step, parameters: Mapping[str, str]) -> str:
    hop = step.hop if step.kind in _HOP_KINDS else step.callee
    return navigation.hop_url(hop, **parameters)


def table(
    shown: Table, exemplars: Mapping[tuple[str, ...], str], parameters: Mapping[str, str]
) -> Markup:
    """The rows, and the sum: the end-to-end time exactly."""
    ranges = any(row.at_least for row in shown.rows)
    body = Markup("").join(
        _row(shown, row, exemplars.get(row.key, ""), ranges, parameters) for row in shown.rows
    )
    foot = Markup(
        '<tr><td colspan="{}">sum = end to end</td><td class="figure">{}</td>{}'
        '<td class="figure">{}</td><td></td><td class="bars"></td><td></td></tr>'
    ).format(
        len(shown.keys), shown.total, Markup("<td></td>") if ranges else "",
        "100.0%" if shown.total_ns else "0.0%",
    )  # fmt: skip
    return Markup(
        '<div class="scroll"><table><caption>{}</caption><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody><tfoot>{}</tfoot></table></div>"
    ).format(f"Of {shown.basis}.", _head(shown, ranges), body, foot)


def _head(shown: Table, ranges: bool) -> Markup:
    figures = [
        (f"{shown.unit}/request", "time on the critical path, spread over all requests"),
        *([("at least", "the least that is surely the hop's own: the rest may be parallel work"
            " or missing spans")] if ranges else []),
        ("share", "of the end-to-end time"),
        ("calls", "how often a request entered the hop"),
    ]  # fmt: skip
    names = Markup("").join(
        Markup('<th scope="col" title="{}">{}</th>').format(KEY_HELP[key], key)
        for key in shown.keys
    )
    numbers = Markup("").join(
        Markup('<th scope="col" class="figure" title="{}">{}</th>').format(text, title)
        for title, text in figures
    )
    return Markup(
        '{}{}<th class="bars"></th><th scope="col" title="a trace in which this row is as it'
        ' usually is">exemplar</th>'
    ).format(names, numbers)


def _row(
    shown: Table, row: Row, exemplar: str, ranges: bool, parameters: Mapping[str, str]
) -> Markup:
    values = dict(zip(shown.keys, row.key, strict=True))
    kind = values.get("kind", "self")
    colour = theme.colour(values["language"], kind) if "language" in values else theme.NEUTRAL
    cells = [_name_cell(key, values, kind, colour, first=key == shown.keys[0],
                        parameters=parameters) for key in shown.keys]  # fmt: skip
    cells += [Markup('<td class="figure">{}</td>').format(row.time)]
    cells += [Markup('<td class="figure quiet">{}</td>').format(row.at_least)] if ranges else []
    cells += [Markup('<td class="figure">{}</td>').format(text) for text in (row.share, row.calls)]
    part = row.ns / shown.total_ns if shown.total_ns else 0
    cells.append(
        Markup('<td class="bars"><i class="bar {}" style="--part:{};--colour:{}"></i></td>').format(
            kind, f"{part:.4f}", colour
        )
    )
    link = Markup('<a href="{}" aria-label="{}">{}</a>').format(
        navigation.trace_url(exemplar), f"exemplar trace {exemplar}", exemplar[:8]
    )
    cells.append(Markup("<td>{}</td>").format(link if exemplar else ""))
    return Markup("<tr>{}</tr>").format(Markup("").join(cells))


def _name_cell(
    key: str,
    values: Mapping[str, str],
    kind: str,
    colour: str,
    *,
    first: bool,
    parameters: Mapping[str, str],
) -> Markup:
    shown = name(values[key])
    if key == "hop" and kind in _HOP_KINDS:
        shown = Markup('<a href="{}">{}</a>').format(
            navigation.hop_url(values["hop"], **parameters), shown
        )
    swatch = Markup('<i class="swatch {}" style="--colour:{}"></i>').format(kind, colour)
    return Markup('<td class="name"><span class="entry">{}{}</span></td>').format(
        swatch if first else "", shown
    )
