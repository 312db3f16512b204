"""A comparison as GitHub-flavoured Markdown, for a comment on a pull request.

What came with spans stands in code spans: there neither markup nor `@names` nor links act.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from hopwatch.checks.comparing import JudgedCheck
from hopwatch.comparison import Comparison
from hopwatch.reports.comparison_lines import Line, Name, Section
from hopwatch.reports.comparison_sections import consequences, headline, sections
from hopwatch.reports.text import shorten

_OPEN: Final = 3
"""So many sections are shown at once, the rest when it is asked for."""
_LONGEST_NAME: Final = 120
_TICKS: Final = re.compile("`+")
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>|~!]|(?<=:)/|(?<=www)\.)", re.IGNORECASE)
_REFERENCES: Final = re.compile(r"[@#]")
_MARKS: Final = {"passed": "✅", "failed": "❌", "unjudged": "⚠️"}


def markdown(
    found: Comparison,
    sources: tuple[str, str],
    *,
    most: int,
    checks: Sequence[JudgedCheck] = (),
    notes: Sequence[str] = (),
) -> str:
    """The verdict, the checks, the bridge; the rest folded. The arguments are those of
    `print_comparison`."""
    lines = [f"### {_escaped(headline(found))}", ""]
    lines += [part for line in consequences(found) for part in (_line(line), "")]
    lines += _checks(checks)
    shown = [part for part in sections(found, sources, most) if part.rows or part.lines]
    for section in shown[:_OPEN]:
        lines += _section(section)
    lines += ["<details><summary>More: percentiles, routes, terms, how sure this is</summary>", ""]
    for section in shown[_OPEN:]:
        lines += _section(section)
    lines += ["</details>", ""]
    lines += [part for note in notes for part in (_escaped(note), "")]
    return "\n".join(lines)


def _checks(checks: Sequence[JudgedCheck]) -> Iterator[str]:
    if not checks:
        return
    yield from ("| check | | |", "|---|---|---|")
    for judged in checks:
        name = _code(judged.check.name)
        subject = (
            f" {_code(judged.subject)}" if judged.subject not in ("", judged.check.hop) else ""
        )
        mark = f"{_MARKS[judged.verdict]} {judged.verdict}"
        yield f"| {name}{subject} | {mark} | {_escaped(judged.words)} |"
    yield ""


def _section(section: Section) -> Iterator[str]:
    yield from (f"**{_escaped(section.title)}**", "")
    if section.rows:
        yield _row([*map(_escaped, section.names), *map(_escaped, section.figures)])
        yield _row([*("---" for _ in section.names), *("---:" for _ in section.figures)])
        for row in section.rows:
            cells = [*map(_text, row.names), *map(_escaped, row.figures)]
            yield _row([f"**{cell}**" if row.bold and cell else cell for cell in cells])
        yield ""
    for line in section.lines:
        yield f"- {_line(line)}"
    if section.lines:
        yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _line(line: Line) -> str:
    return "".join(map(_text, line))


def _text(part: str) -> str:
    return _code(part) if isinstance(part, Name) else _escaped(part)


def _code(text: str) -> str:
    """A code span that shows the text. A `|` would end a table's cell even there."""
    shown = shorten(text, _LONGEST_NAME).replace("|", "\\x7c")
    if not shown.strip():
        return "(no name)"
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(shown)), default=0))
    room = " " if len(fence) > 1 or shown != shown.strip() else ""
    return f"{fence}{room}{shown}{room}{fence}"


def _escaped(text: str) -> str:
    """Text of ours, or of options, as text; a comment keeps `@name` and `#1` from being links."""
    shown = _MARKUP.sub(r"\\\1", shorten(text, 20 * _LONGEST_NAME))
    return _REFERENCES.sub(r"\g<0><!-- -->", shown)
