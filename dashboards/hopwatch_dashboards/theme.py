"""One colour per language, the same in every chart and in both themes; and how times read.

The colours hold a contrast of at least 3:1 against the light and the dark background, and are
told apart by people with a colour vision deficiency (after Okabe and Ito, darkened where white
is behind them).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from zlib import crc32

from hopwatch.reports.numbers import duration
from hopwatch.reports.text import plain
from hopwatch.semconv import NO_LANGUAGE, UNKNOWN

LANGUAGE_COLOURS: Final = {
    "go": "#1b87b8",
    "nodejs": "#0b9467",
    "webjs": "#b07d00",
    "rust": "#d1520a",
    "python": "#4668d8",
    "java": "#a253b3",
    "dotnet": "#7a52d6",
    "ruby": "#c8457d",
    "php": "#7a7fc0",
}
"""`telemetry.sdk.language` -> colour."""

KIND_COLOURS: Final = {
    "gap": "#9097a1",
    "db": "#5f6c80",
    "messaging": "#85796a",
    "remote": "#7d7d86",
    "wait": "#a08585",
}
"""Kind of a row whose language is `-` -> its own grey."""

_FALLBACKS: Final = ("#b8406a", "#8a7a12", "#5a8a3c", "#6f7fa8", "#9a6a4a")
_UNKNOWN: Final = "#7d838c"
NEUTRAL: Final = "#5b7fb0"
"""The colour of what is no language: totals, rates."""
ACCENT: Final = "#c2571a"
"""The colour of what is pointed at in a chart."""
SLOWER: Final = "#d1520a"
FASTER: Final = "#1b87b8"
"""What takes more, or less, than before."""
MIX: Final = "#85796a"
"""What differs only because other requests were made."""


def colour(language: str, kind: str = "self") -> str:
    """The colour of a row of the ledger, as `#rrggbb`."""
    if language == NO_LANGUAGE:
        return KIND_COLOURS.get(kind, _UNKNOWN)
    name = language.rstrip("?")
    if name == UNKNOWN:
        return _UNKNOWN
    return LANGUAGE_COLOURS.get(name) or _FALLBACKS[crc32(name.encode()) % len(_FALLBACKS)]


def time(ns: float) -> str:
    """A duration in three digits: `418 ns`, `12.3 ms`, `1.20 s`."""
    return duration(round(ns), 3)


def share(part: float, whole: float) -> str:
    """`31%`, `5.7%`; `0%` of nothing."""
    percent = 100 * part / whole if whole else 0.0
    return f"{percent:.0f}%" if percent >= 10 else f"{percent:.1f}%"


def readable(text: str, longest: int = 200) -> str:
    """`text` from a span as it may be shown: nothing invisible or direction-changing in it,
    and no longer than `longest` characters, the middle left out."""
    shown = plain(text[: 4 * longest] + text[-longest:] if len(text) > 5 * longest else text)
    if len(shown) <= longest:
        return shown
    head = longest * 2 // 3
    return f"{shown[:head]}…{shown[-(longest - head - 1) :]}"


def label(text: str) -> str:
    """`text` as it stands in a choice, and so in the URL."""
    return readable(text, 120)


def labels(texts: Iterable[str]) -> dict[str, str]:
    """Label -> text, in their order. Two texts that read alike are told apart by a number."""
    found: dict[str, str] = {}
    for text in texts:
        name = label(text)
        number = 2
        while name in found:
            name, number = f"{label(text)} ({number})", number + 1
        found[name] = text
    return found


def markdown(text: str, longest: int = 200) -> str:
    """`readable` text for where Streamlit takes Markdown (labels, captions, help): every
    character that could mean something there is escaped."""
    return "".join(f"\\{c}" if c in _MARKDOWN else c for c in readable(text, longest))


_MARKDOWN: Final = frozenset("\\`*_{}[]()<>#+-.!|~$:&^=\"'/@%")
