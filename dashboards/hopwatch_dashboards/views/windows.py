"""Which stretch of time a page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SECOND: Final = 10**9
LENGTHS: Final = {"5m": 300 * SECOND, "15m": 900 * SECOND, "1h": 3600 * SECOND}
"""Windows that end now, by the word that chooses them."""
ALL: Final = "all"
CUSTOM: Final = "custom"
DEFAULT_LENGTH: Final = "15m"
_AHEAD: Final = 60 * SECOND
"""A clock may be so far ahead of ours; a span later than that is stamped wrongly."""


@dataclass(frozen=True, slots=True)
class Window:
    """[start, end) in Unix ns."""

    start: int
    end: int


def default_choice(last_span_ns: int | None, now_ns: int, live: bool) -> str:
    """The last 15 minutes where data still comes in, else everything."""
    recent = last_span_ns is not None and last_span_ns >= now_ns - LENGTHS[DEFAULT_LENGTH]
    return DEFAULT_LENGTH if live and recent else ALL


def is_fresh(last_span_ns: int | None, now_ns: int) -> bool:
    """Whether data came in within the last two minutes."""
    return last_span_ns is not None and last_span_ns >= now_ns - 120 * SECOND


def window(choice: str, first_ns: int, last_ns: int, now_ns: int) -> Window:
    """What `choice`, a word of LENGTHS or ALL, means for data from first to last."""
    if choice == ALL:
        return Window(first_ns, last_ns + 1)
    end = min(max(now_ns, last_ns + 1), now_ns + _AHEAD)
    return Window((now_ns - LENGTHS[choice]) // SECOND * SECOND, end)


def step_ns(window: Window, most: int = 90) -> int:
    """The shortest round length of time blocks of which at most `most` cover the window."""
    seconds = max(1, (window.end - window.start) // SECOND)
    for length in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400):
        if seconds / length <= most:
            return length * SECOND
    return -(-seconds // most) * SECOND
