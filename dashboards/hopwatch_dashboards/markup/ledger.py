"""The ledger as a table with links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from hopwatch_dashboards import navigation, theme
from hopwatch_dashboards.markup.names import name, swatch
from hopwatch_dashboards.markup.tables import Column
from hopwatch_dashboards.markup.tables import table as markup_table
from hopwatch_dashboards.markup.tiles import trace_link
from hopwatch_dashboards.views.breakdown import Row, Table
from hopwatch_dashboards.views.hop import OWN_KINDS

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
_AT_LEAST: Final = Column(
    "at least",
    "the least that is surely the hop's own: the rest may be parallel work or missing spans",
    "figure quiet",
)


def table(
    shown: Table, exemplars: Mapping[tuple[str, ...], str], parameters: Mapping[str, str]
) -> Markup:
    """The rows, and the sum: the end-to-end time exactly. `parameters` go along with links."""
    ranges = [_AT_LEAST] if any(row.at_least for row in shown.rows) else []
    columns = [
        *(Column(key, KEY_HELP[key], "name" if i else "name first")
          for i, key in enumerate(shown.keys)),
        Column(f"{shown.unit}/request", "time on the critical path, spread over all requests",
               "figure"),
        *ranges,
        Column("share", "of the end-to-end time", "figure"),
        Column("calls", "how often a request entered the row's hop", "figure"),
        Column("", "", "bars"),
        Column("exemplar", "a trace in which this row is as it usually is"),
    ]  # fmt: skip
    blank = [""] * len(ranges)
    foot = [
        "sum = end to end", *[""] * (len(shown.keys) - 1), shown.total, *blank,
        "100.0%" if shown.total_ns else "0.0%", "", "", "",
    ]  # fmt: skip
    rows = [
        [
            *row_names(shown.keys, row.key, parameters),
            row.time, *([row.at_least] if ranges else []), row.share, row.calls, _bar(shown, row),
            trace_link(exemplars[row.key]) if row.key in exemplars else "",
        ]
        for row in shown.rows
    ]  # fmt: skip
    return markup_table(columns, rows, caption=f"Of {shown.basis}.", foot=foot)


def row_names(
    keys: Sequence[str], key: Sequence[str], parameters: Mapping[str, str]
) -> list[Markup]:
    """A cell for each of the key's texts, the first with the row's colour; a hop of its own
    leads to its page."""
    values = dict(zip(keys, key, strict=True))
    cells = []
    for i, (key, text) in enumerate(values.items()):
        cell = name(text)
        if key == "hop" and values.get("kind", "") in OWN_KINDS:
            cell = Markup('<a href="{}">{}</a>').format(
                navigation.hop_url(text, **parameters), cell
            )
        mark = Markup("") if i else swatch(*colour(values))
        cells.append(Markup('<span class="entry">{}{}</span>').format(mark, cell))
    return cells


def _bar(shown: Table, row: Row) -> Markup:
    shade, kind = colour(dict(zip(shown.keys, row.key, strict=True)))
    part = row.ns / shown.total_ns if shown.total_ns else 0
    return Markup('<i class="bar {}" style="--part:{};--colour:{}"></i>').format(
        kind, f"{part:.4f}", shade
    )


def colour(values: Mapping[str, str]) -> tuple[str, str]:
    """The colour of a row with these keys, and its kind, which tells how it is filled."""
    kind = values.get("kind", "self")
    if not values.get("language"):  # not asked for, or several rows as one
        return theme.NEUTRAL, kind
    return theme.colour(values["language"], kind), kind
