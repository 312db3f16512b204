"""Tables of names and figures that fit the terminal: figures whole, names folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from hopwatch.errors import UsageError
from hopwatch.reports.text import plain, shorten

_GAP: Final = 2
_NARROWEST_NAME: Final = 8
_ARROW: Final = " -> "


def table_of(
    names: Mapping[str, Sequence[str]],
    figures: Mapping[str, Sequence[str]],
    styles: Sequence[str],
    width: int,
    *,
    figure_styles: Mapping[str, str] | None = None,
    bar: Sequence[str] = (),
) -> Table:
    """Columns of names to the left, of figures (right-aligned) behind them, then a bar.

    `styles`: a row's style, for its names and bar. A name that is too long takes up to three
    lines, an edge `a -> b` breaks at its arrow. Raises UsageError where the terminal is too
    narrow for the columns.
    """
    shown = {name: [plain(text) for text in texts] for name, texts in names.items()}
    taken = sum(_widest(name, texts) + _GAP for name, texts in figures.items())
    taken += (max(map(cell_len, bar), default=0) + _GAP) if bar else 0
    widths = _name_widths(shown, width - taken)
    table = Table(box=None, padding=(0, _GAP, 0, 0), show_edge=False, header_style="dim")
    for name in shown:
        table.add_column(shorten(name, widths[name]), width=widths[name], overflow="fold")
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    if bar:
        table.add_column("", no_wrap=True)
    for i, style in enumerate(styles):
        cells = [Text(_fit(texts[i], widths[name]), style=style) for name, texts in shown.items()]
        cells += [
            Text(texts[i], style=(figure_styles or {}).get(name, "bold" if style == "bold" else ""))
            for name, texts in figures.items()
        ]
        if bar:
            cells.append(Text(bar[i], style=style))
        table.add_row(*cells)
    return table


def _widest(name: str, texts: Sequence[str]) -> int:
    return max(cell_len(name), *map(cell_len, texts))


def _name_widths(names: Mapping[str, Sequence[str]], room: int) -> dict[str, int]:
    """As wide as the texts need, the longest shortened first where the room is short."""
    widths = {name: _widest(name, texts) for name, texts in names.items()}
    room -= _GAP * len(widths)
    while sum(widths.values()) > room:
        longest = max(widths, key=lambda name: widths[name])
        if widths[longest] <= _NARROWEST_NAME:
            raise UsageError(
                f"the terminal is too narrow for the columns {', '.join(names)}: widen it, set "
                "COLUMNS, ask for fewer, or take --json"
            )
        widths[longest] -= 1
    return widths


def _fit(text: str, width: int) -> str:
    caller, arrow, callee = text.partition(_ARROW)
    if arrow and cell_len(text) > width:
        return f"{shorten(caller, 2 * width)}\n{_ARROW}{shorten(callee, 2 * width)}"
    return shorten(text, 3 * width)
