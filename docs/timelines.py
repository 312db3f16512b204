"""Draws the timelines of docs/ledger.md from docs/examples: `python docs/timelines.py`.

Each is one request as hopwatch attributes it. A bar is a span, pale over its whole extent and
solid where the request waited for it; the lowest row is the request, cut into these pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

import hopwatch
from hopwatch.attribution import Attribution, UnitTime
from hopwatch.attribution.model import Span
from hopwatch.attribution.units import SpanTime

DOCS: Final = Path(__file__).parent
EXAMPLES: Final = DOCS / "examples"
IMAGES: Final = DOCS / "images"

_LABELS: Final = 250
_WIDTH: Final = 760
_ROW: Final = 26
_BAR: Final = 16
_MS: Final = 1_000_000
_STYLE: Final = """
 text { font: 12px system-ui, sans-serif; fill: #24292f }
 .dim { fill: #57606a } .axis { stroke: #8c959f; stroke-opacity: .35 }
 .pale { opacity: .28 } .ms { fill: #fff; font-weight: 600; text-anchor: middle }
 .nodejs { fill: #0b9467 } .go { fill: #1b87b8 } .python { fill: #4668d8 }
 .gap { fill: #7b838e } .db { fill: #5f6c80 } .wait { fill: #a0696f } .remote { fill: #8a7440 }
 .lost { fill: none; stroke: #8c959f; stroke-dasharray: 4 3 }
 @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .dim { fill: #9198a1 } }
"""


def draw(unit: UnitTime, lost: list[Span], *, raw: bool = False) -> str:
    """An SVG picture of a request. `lost`: spans below a parent that is missing. `raw`: spans
    where their own clocks say."""
    scale = (_WIDTH - _LABELS - 20) / unit.duration
    last = max(_where(time, unit, raw)[1] for time in unit.spans)
    scale = min(scale, (_WIDTH - _LABELS - 20) / last)
    rows = [*_rows(unit, scale, raw), *_lost_rows(unit, lost, scale)]
    if not raw:
        rows.append(_request(unit, scale, len(rows)))
    height = _ROW * len(rows) + 30
    title = f"{unit.route}, {unit.duration / _MS:g} ms" + (", as stamped" if raw else "")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            *_axis(last if raw else unit.duration, scale, height),
            *rows,
            "</svg>\n",
        ]
    )


def _where(time: SpanTime, unit: UnitTime, raw: bool) -> tuple[int, int]:
    """When the span ran, in ns after the request began."""
    moved = unit.unit.root.start + (0 if raw else time.shift)
    return time.span.start - moved, time.span.end - moved


def _rows(unit: UnitTime, scale: float, raw: bool) -> Iterator[str]:
    for row, time in enumerate(_by_depth(unit)):
        start, end = _where(time, unit, raw)
        colour = time.cell.kind if time.cell.kind != "self" else time.cell.language
        y = 6 + row * _ROW
        parts = [
            _name(f"{time.span.hop} · {time.span.name}", y),
            _bar(colour + " pale", start, end, y, scale),
        ]
        for low, high in () if raw else time.segments:
            begin = unit.unit.root.start
            parts.append(_bar(colour, low - begin, high - begin, y, scale))
        yield "".join(parts)


def _lost_rows(unit: UnitTime, lost: list[Span], scale: float) -> Iterator[str]:
    for row, span in enumerate(lost, len(unit.spans)):
        y = 6 + row * _ROW
        begin = unit.unit.root.start
        yield _name(f"{span.hop} · {span.name}, parent missing", y) + _bar(
            "lost", span.start - begin, span.end - begin, y, scale
        )


def _name(text: str, y: int, style: str = "") -> str:
    return f'<text x="4" y="{y + 12}"{style}>{escape(text)}</text>'


def _by_depth(unit: UnitTime) -> list[SpanTime]:
    """The spans, each above its children."""
    times = {id(time.span): time for time in unit.spans}
    found, stack = [], [unit.unit.root]
    while stack:
        span = stack.pop()
        found.append(times[id(span)])
        stack.extend(reversed(span.children))
    return found


def _request(unit: UnitTime, scale: float, row: int) -> str:
    y = 6 + row * _ROW
    parts = [_name("the request waited for", y, ' class="dim"')]
    begin = unit.unit.root.start
    for time in unit.spans:
        kind = time.cell.kind
        for low, high in time.segments:
            colour = kind if kind != "self" else time.cell.language
            parts.append(_bar(colour, low - begin, high - begin, y, scale))
            if (high - low) * scale > 16:
                middle = _LABELS + ((low + high) / 2 - begin) * scale
                text = f"{(high - low) / _MS:g}"
                parts.append(f'<text class="ms" x="{middle:.1f}" y="{y + 12}">{text}</text>')
    return "".join(parts)


def _bar(colour: str, start: int, end: int, y: int, scale: float) -> str:
    x, width = _LABELS + start * scale, max((end - start) * scale, 1)
    return (
        f'<rect class="{colour}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2"/>'
    )


def _axis(end: int, scale: float, height: int) -> Iterator[str]:
    for ms in range(0, end // _MS + 1, 5):
        x = _LABELS + ms * _MS * scale
        yield f'<line class="axis" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height - 20}"/>'
        unit = " ms" if ms == 0 else ""
        yield f'<text class="dim" x="{x - 3:.1f}" y="{height - 6}">{ms}{unit}</text>'


def pictures() -> dict[str, str]:
    """All timelines by the name of their file."""
    found = {}
    for path in sorted(EXAMPLES.glob("*.json")):
        attribution = Attribution(hopwatch.read(path))
        (unit,) = attribution.requests()
        lost = [time.span for fragment in attribution.fragments() for time in fragment.spans]
        found[f"{path.stem}.svg"] = draw(unit, lost)
        if any(time.shift for time in unit.spans):
            found[f"{path.stem}-as-stamped.svg"] = draw(unit, lost, raw=True)
    return found


if __name__ == "__main__":
    for name, picture in pictures().items():
        (IMAGES / name).write_text(picture)
