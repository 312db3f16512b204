"""Tables of figures and names, each row with its links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup


class Column(NamedTuple):
    """A column's head. `css`: `figure` for numbers, `name` for texts of any length."""

    title: str
    help: str = ""
    css: str = ""


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Markup | str]],
    *,
    caption: str = "",
    foot: Sequence[Markup | str] = (),
) -> Markup:
    """Rows of cells, one for each column; texts are escaped."""
    return Markup(
        '<div class="scroll"><table>{}<thead><tr>{}</tr></thead><tbody>{}</tbody>{}</table></div>'
    ).format(
        Markup("<caption>{}</caption>").format(caption) if caption else "",
        Markup("").join(map(_head, columns)),
        Markup("").join(_row(columns, row) for row in rows),
        Markup("<tfoot>{}</tfoot>").format(_row(columns, foot)) if foot else "",
    )


def _head(column: Column) -> Markup:
    help_text = Markup(' title="{}"').format(column.help) if column.help else ""
    if not column.title:  # who hears the page is told of no head without words
        return Markup('<td class="{}"{}></td>').format(column.css, help_text)
    return Markup('<th scope="col" class="{}"{}>{}</th>').format(
        column.css, help_text, column.title
    )


def _row(columns: Sequence[Column], cells: Sequence[Markup | str]) -> Markup:
    return Markup("<tr>{}</tr>").format(
        Markup("").join(
            Markup('<td class="{}">{}</td>').format(column.css, cell)
            for column, cell in zip(columns, cells, strict=True)
        )
    )
