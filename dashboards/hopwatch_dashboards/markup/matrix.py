"""The decision matrix as sentences and tables."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from hopwatch_dashboards import theme
from hopwatch_dashboards.markup.names import name, sentences, swatch
from hopwatch_dashboards.markup.tables import Column, table
from hopwatch_dashboards.views.matrix import (
    OPINIONS,
    Cell,
    Matrix,
    Opinion,
    Row,
    extent,
    figure,
    found_of,
    headline,
    place,
)

_LANGUAGES: Final = {"node": "nodejs"}
_WARNING: Final = "#b07d00"


def head(matrix: Matrix) -> Markup:
    """Where an order can be told, how it was measured, what to be careful about."""
    cautions = Markup("").join(
        Markup('<div class="finding" style="--colour:{}"><p>{}</p></div>').format(
            _WARNING, theme.readable(text, 600)
        )
        for text in matrix.cautions
    )
    return (
        sentences(theme.readable(headline(matrix), 600))
        + Markup('<p class="quiet">{}</p>').format(theme.readable(" ".join(matrix.setup), 900))
        + cautions
    )


def rows(matrix: Matrix, group: str) -> Markup:
    """The rows of a group, each a table of its contenders."""
    return Markup("").join(_row(row) for row in matrix.rows if row.group == group)


def opinions(matrix: Matrix) -> Markup:
    """The articles' table, with what was measured beside each line."""
    columns = [
        Column("criterion", "", "name"), Column("Node.js (TypeScript)", "as the articles say"),
        Column("Go", "as the articles say"), Column("Rust", "as the articles say"),
        Column("measured here", "by gRPC, the best first; ~ between those that cannot be told"
               " apart", "name wide"),
    ]  # fmt: skip
    return table(columns, (_opinion(opinion, matrix) for opinion in OPINIONS))


def limits(matrix: Matrix) -> Markup:
    """What the table cannot say."""
    return Markup("").join(
        Markup("<p>{}</p>").format(theme.readable(limit, 600)) for limit in matrix.limits
    )


def made_with(matrix: Matrix) -> Markup:
    """Runtimes and libraries."""
    return table(
        [Column("orders in"), Column("runtime", "", "name"), Column("libraries", "", "name wide")],
        [[name(who), name(runtime), name(text, 1200)] for who, runtime, text in matrix.made_with],
    )


def _row(row: Row) -> Markup:
    columns = [
        Column("", "", "contender"),
        Column(row.unit, row.means, "figure"),
        Column("interval", "holds the figure with 95 % confidence, by Student's t over turns;"
               " none for what is counted", "figure quiet"),
        Column("", "", "ranges"),
        Column("place", "from 1, the best; those whose intervals overlap cannot be told apart and"
               " share theirs", "figure"),
        Column("turns", "", "figure quiet turns"),
    ]  # fmt: skip
    better = "less is better" if row.better == "lower" else "more is better"
    title = Markup('<p class="measured"><b>{}, {}</b>; {}: {}.</p>').format(
        theme.readable(row.title, 200),
        theme.readable(row.unit, 40),
        better,
        theme.readable(row.means, 500),
    )
    return title + table(columns, (_cell(cell, row) for cell in row.cells))


def _cell(cell: Cell, row: Row) -> list[Markup | str]:
    interval = ""
    if cell.n and cell.low is not None and cell.high is not None:
        interval = f"{figure(cell.low)} to {figure(cell.high)}"
    elif cell.n:
        interval = "too few turns"
    return [
        Markup('<span class="entry">{}{}</span>').format(
            swatch(_colour(cell.name), "self"), name(cell.name, 40)
        ),
        figure(cell.value),
        interval,
        _range(cell, row),
        place(cell, row),
        str(cell.n) if cell.n else "",
    ]


def _range(cell: Cell, row: Row) -> Markup:
    begin, part, at = extent(cell, row)
    return Markup(
        '<span class="range" style="--colour:{}"><i style="--from:{};--part:{}"></i>'
        '<b style="--from:{}"></b></span>'
    ).format(_colour(cell.name), f"{begin:.4f}", f"{part:.4f}", f"{at:.4f}")


def _opinion(opinion: Opinion, matrix: Matrix) -> list[Markup | str]:
    measured = [*found_of(opinion, matrix), *([opinion.why_not] if opinion.why_not else [])]
    return [
        opinion.criterion, opinion.node, opinion.go, opinion.rust,
        Markup("<br>").join(theme.readable(said, 400) for said in measured) or "not measured",
    ]  # fmt: skip


def _colour(contender: str) -> str:
    language = contender.partition("-")[0]
    return theme.colour(_LANGUAGES.get(language, language))
