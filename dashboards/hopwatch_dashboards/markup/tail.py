"""What slow requests spend more on, as a table with diverging bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from hopwatch_dashboards import theme
from hopwatch_dashboards.markup.ledger import KEY_HELP, colour, row_names
from hopwatch_dashboards.markup.names import name, swatch
from hopwatch_dashboards.markup.tables import Column, table
from hopwatch_dashboards.markup.tiles import trace_link
from hopwatch_dashboards.views.tail import Comparison, Difference, Key

_MORE_HELP: Final = "the difference of the two; the rows add up to that of the end-to-end times"


def difference(
    shown: Comparison,
    words: tuple[str, str],
    exemplars: Mapping[Key, str],
    totals: tuple[str, str],
    parameters: Mapping[str, str],
) -> Markup:
    """`words`: what the two statistics are called; `totals`: an exemplar of each as a whole."""
    low, high = words
    columns = [
        *(Column(key, KEY_HELP[key], "name" if i else "name first")
          for i, key in enumerate(shown.keys)),
        Column(f"{low}, {shown.unit}", f"a request's time in this row: {shown.low}", "figure"),
        Column(f"{high}, {shown.unit}", f"a request's time in this row: {shown.high}", "figure"),
        Column("more", _MORE_HELP, "figure"),
        Column("", "", "bars wide-bars"),
        Column("exemplar", f"a request at {high} in which this row is as it usually is"),
    ]  # fmt: skip
    widest = max((abs(row.more_ns) for row in shown.rows), default=0) or 1
    rows = [
        [
            *row_names(shown.keys, row.key, parameters), row.low, row.high, row.more,
            _bar(shown, row, widest),
            trace_link(exemplars[row.key]) if row.key in exemplars else "",
        ]
        for row in shown.rows
    ]  # fmt: skip
    total = shown.total
    both = Markup(" ").join(trace_link(trace) for trace in totals if trace)
    foot = ["sum = end to end", *[""] * (len(shown.keys) - 1), total.low, total.high, total.more,
            "", both]  # fmt: skip
    return table(columns, rows, foot=foot)


def legend(rows: Sequence[tuple[Key, str]], keys: Sequence[str], between: str) -> Markup:
    """The rows of the chart, from the top: their colours and names, and what they take
    `between` the ends of the chart."""
    return Markup('<ol class="legend"><li class="quiet">{}</li>{}</ol>').format(
        between,
        Markup("").join(
            Markup("<li>{}{}<b>{}</b></li>").format(
                swatch(*colour(dict(zip(keys, key, strict=True)))),
                name(row_name(keys, key), 80),
                end,
            )
            for key, end in rows
        ),
    )


def row_name(keys: Sequence[str], key: Key) -> str:
    """A row in a few words: beside its hop, its language stands in its colour, and own work goes
    without saying."""
    values = dict(zip(keys, key, strict=True))
    if values.get("hop"):
        values.pop("language", None)
        if values.get("kind") == "self":
            del values["kind"]
    return theme.readable(" ".join(text for text in values.values() if text), 80)


def _bar(shown: Comparison, row: Difference, widest: int) -> Markup:
    """To the right of the middle for more, to the left for less."""
    shade, kind = colour(dict(zip(shown.keys, row.key, strict=True)))
    return Markup(
        '<span class="diverging {}"><i class="bar {}" style="--part:{};--colour:{}"></i></span>'
    ).format("less" if row.more_ns < 0 else "more", kind, f"{abs(row.more_ns) / widest:.4f}", shade)
