"""A comparison in the terminal, 80 columns or more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from hopwatch.checks.comparing import JudgedCheck
from hopwatch.comparison import Comparison
from hopwatch.reports.columns import table_of
from hopwatch.reports.comparison_lines import Line, Name, Section
from hopwatch.reports.comparison_sections import consequences, headline, sections
from hopwatch.reports.text import plain, shorten

_MARGIN: Final = 2
_NARROWEST: Final = 80
_LONGEST_NAME: Final = 300
_VERDICT_STYLES: Final = {"slower": "bold red", "faster": "bold green", "equivalent": "bold"}
_CHECK_STYLES: Final = {"passed": "green", "failed": "bold red", "unjudged": "bold yellow"}
_WIDEST: Final = max(map(len, _CHECK_STYLES))


def print_comparison(
    console: Console,
    found: Comparison,
    sources: tuple[str, str],
    *,
    most: int,
    checks: Sequence[JudgedCheck] = (),
    notes: Sequence[str] = (),
) -> None:
    """Prints the verdict, then everything it follows from. `sources`: where the spans of both
    sides are from, in words. `notes`: lines for the foot."""
    # Narrower ones wrap it: a verdict that is not shown, and an exit code for it, would be worse.
    console.width = max(console.width, _NARROWEST)
    console.print(Text(headline(found), style=_VERDICT_STYLES.get(found.verdict, "bold yellow")))
    for line in consequences(found):
        console.print(Text(_plain(line)))
    _print_checks(console, checks)
    for section in sections(found, sources, most):
        if section.rows or section.lines:
            _print_section(console, section)
    for note in notes:
        console.print(Padding(Text(plain(note)), (0, 0, 0, _MARGIN)))


def _print_section(console: Console, section: Section) -> None:
    console.print(Text(f"\n{section.title}", style="bold"))
    if section.rows:
        columns = list(zip(*(row.names for row in section.rows), strict=True))
        figures = list(zip(*(row.figures for row in section.rows), strict=True))
        table = table_of(
            dict(zip(section.names, columns, strict=True)),
            dict(zip(section.figures, figures, strict=True)),
            ["bold" if row.bold else "" for row in section.rows],
            console.width - _MARGIN,
        )
        console.print(Padding(table, (0, 0, 0, _MARGIN)))
    for line in section.lines:
        console.print(Padding(Text(_plain(line)), (0, 0, 0, _MARGIN)))


def _print_checks(console: Console, checks: Sequence[JudgedCheck]) -> None:
    if not checks:
        return
    console.print(Text("\nChecks", style="bold"))
    for judged in checks:
        head = Text(f"{judged.verdict:<{_WIDEST}}  ", style=_CHECK_STYLES[judged.verdict])
        subject = f" [{judged.subject}]" if judged.subject not in ("", judged.check.hop) else ""
        head.append(plain(f"{judged.check.name}{subject}"), style="not bold default")
        console.print(Padding(head, (0, 0, 0, _MARGIN)))
        console.print(Padding(Text(plain(judged.words)), (0, 0, 0, _WIDEST + 4)))


def _plain(line: Line) -> str:
    return "".join(
        shorten(part, _LONGEST_NAME) if isinstance(part, Name) else plain(part) for part in line
    )
