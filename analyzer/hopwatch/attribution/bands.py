"""Calls between two processes -> where the offset θ of their clocks lies, and how it moves.

Each call says b <= θ <= a at its own time (see `clocks`). Clocks that run freely drift apart in
a line, so θ over some minutes is any line that stays above all b and below all a:

    ns |  a     a       a   a         the feasible lines are a polygon (offset, slope); what
       |      a    a  .....-'         it allows at both ends of the stretch, joined by chords,
       |  ......-----'     b          encloses θ at every time between, however few calls there
       |  b    b   b   b      b       are, and at whatever slope the clock drifts
       +----------------------- time

(Moon, Skelly, Towsley: Estimation and removal of clock skew from network delay measurements,
1999, take the one line that is nearest to the calls; here all are kept.) Of the calls only the
quicker half counts, and of these not the most extreme 1 % on either side, for a single odd
span must not decide.

Calls that no line passes between are cut in time, where the clock was set or began to be
slewed; if there is no such place, they contradict each other.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from hopwatch.attribution import lines

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CALLS_TO_JUDGE: Final = 10
"""Calls without which nothing is said of θ."""
WINDOW_NS: Final = 60_000_000_000
_CALLS_ENOUGH: Final = 100  # of a window that needs no neighbours
_WINDOWS_JOINED: Final = 10  # of calls that are enough to judge
_WINDOWS_AT_MOST: Final = 60  # of calls that are not; no clock is a line for longer
_PIECES: Final = 6  # of a stretch; with more, its calls contradict each other everywhere


_Some = TypeVar("_Some", bound=tuple[Any, ...])


class Calls(NamedTuple):
    """One entry a call, columns: number of the process pair; start of the client span; a and b
    (see `clocks`), ns; and by how much stamps may be too early, of the caller and the callee."""

    pair: Integers
    time: Integers
    a: Integers
    b: Integers
    grain_caller: Integers
    grain_callee: Integers


class Bands(NamedTuple):
    """Stretches of time of a pair, by (pair, start).

    start, end: of the first and the last call that counted. low, high: bounds of θ at the start,
    in the middle and at the end (n x 3), ns. slope: least and greatest that the calls allow
    (n x 2), ppb. calls: also those that did not count. base: gap of the quickest calls, ns.
    agree: whether these calls agree on any θ; else the bounds enclose all that they say.
    """

    pair: Integers
    start: Integers
    end: Integers
    low: Integers
    high: Integers
    slope: Integers
    calls: Integers
    base: Integers
    agree: Mask


def _taken(columns: _Some, rows: Integers) -> _Some:
    return type(columns)(*(column[rows] for column in columns))


def _joined(parts: list[Bands]) -> Bands:
    return Bands(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def bands(calls: Calls) -> Bands:
    """What is known of θ of every pair that has enough calls, which may come in any order."""
    calls = _taken(calls, np.flatnonzero(calls.a >= calls.b))
    calls = _taken(calls, np.lexsort((calls.b, calls.a, calls.time, calls.pair)))
    calls, bounds = _stretches(calls)
    gap = calls.a - calls.b
    median = lines.ranked(gap, bounds, lambda size: (size - 1) // 2)
    quick = np.flatnonzero(gap <= np.repeat(median, np.diff(bounds)))
    counted = np.diff(bounds)
    bounds = np.searchsorted(quick, bounds)
    calls = _taken(calls, quick)
    calls = calls._replace(a=calls.a + calls.grain_callee, b=calls.b - calls.grain_caller)
    found = _passing(calls, bounds, counted)
    again = np.flatnonzero(~found.agree)
    parts = [_taken(found, np.flatnonzero(found.agree))]
    for which in again.tolist():
        some = _taken(calls, np.arange(bounds[which], bounds[which + 1]))
        parts.append(_in_pieces(some, int(counted[which])))
    found = _joined(parts)
    return _taken(found, np.lexsort((found.start, found.pair)))


def _stretches(calls: Calls) -> tuple[Calls, Integers]:
    """Calls by stretches, and their bounds. A stretch is a window with enough calls, or
    neighbouring windows that have enough together. Calls that are too few are left out."""
    window = calls.time // WINDOW_NS
    begins = runs(calls.pair, window)
    heads = begins[:-1]
    stretches: list[tuple[int, int, int, int]] = []  # pair, window, first call, calls
    for pair, number, first, count in zip(
        calls.pair[heads].tolist(),
        window[heads].tolist(),
        heads.tolist(),
        np.diff(begins).tolist(),
        strict=True,
    ):
        if stretches and stretches[-1][0] == pair:
            _, since, begin, held = stretches[-1]
            longest = _WINDOWS_JOINED if held >= CALLS_TO_JUDGE else _WINDOWS_AT_MOST
            if held < _CALLS_ENOUGH and number - since < longest:
                stretches[-1] = pair, since, begin, held + count
                continue
        stretches.append((pair, number, first, count))
    judged = [stretch[2:] for stretch in stretches if stretch[3] >= CALLS_TO_JUDGE]
    first_call, sizes = np.array(judged, np.int64).reshape(-1, 2).T
    bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    kept = np.repeat(first_call - bounds[:-1], sizes) + np.arange(bounds[-1])
    return _taken(calls, kept), bounds


def runs(*columns: Integers) -> Integers:
    """Where runs of equal values begin in sorted columns, and the end."""
    changes = [np.flatnonzero(np.diff(column)) + 1 for column in columns]
    return np.unique(np.concatenate([[0], *changes, [len(columns[0])]])).astype(np.int64)


def _odd(size: int) -> int:
    """How many of so many calls do not count on either side: 1 %."""
    return (size + 49) // 100


def _odder(size: int) -> int:
    return _odd(size) + 1


def _passing(calls: Calls, bounds: Integers, counted: Integers) -> Bands:
    """The bands of groups of quick calls, each taken as one."""
    heads = bounds[:-1]
    found = lines.between(calls.time, calls.a, calls.b, bounds, _odd)
    again = np.flatnonzero(~found.agree & (np.diff(bounds) > 2))
    for which in again.tolist():
        low, high = bounds[which], bounds[which + 1]
        one = lines.between(
            calls.time[low:high], calls.a[low:high], calls.b[low:high], np.array([0, high - low]),
            _odder,
        )  # fmt: skip
        for column, value in zip(found, one, strict=True):
            column[which] = value[0]
    grain = calls.grain_caller[heads] + calls.grain_callee[heads]
    base = lines.ranked(calls.a - calls.b, bounds, _odd) - grain
    # Calls cannot agree on θ more closely than the quickest of them knows it by itself, unless
    # way out and back vary by turns; or the clock moved a little: so widen.
    doubt = np.maximum(0, base - found.room)[:, None]
    return Bands(
        calls.pair[heads], calls.time[heads], calls.time[bounds[1:] - 1],
        found.low - doubt, found.high + doubt, found.slope, counted, base, found.agree,
    )  # fmt: skip


def _in_pieces(calls: Calls, counted: int) -> Bands:
    """The bands of calls that no line passes between: of pieces on each of which they agree, or
    of all as one in which they contradict each other."""
    least = CALLS_TO_JUDGE // 2  # quick ones
    whole = np.array([0, len(calls.time)])
    ends: list[int] = [0]
    while ends[-1] < len(calls.time) and len(ends) <= _PIECES:
        ends.append(_longest(calls, ends[-1]))
    pieces = [
        (low, _earliest(calls, low, high, after) if after else high)
        for low, high, after in zip(ends[:-1], ends[1:], [*ends[2:], 0], strict=True)
    ]
    pieces = [(low, high) for low, high in pieces if high - low >= least]
    held = sum(high - low for low, high in pieces)
    if ends[-1] < len(calls.time) or 5 * held < 4 * len(calls.time):
        return _contradicting(calls, whole, counted)
    parts = []
    for low, high in pieces:
        some = _taken(calls, np.arange(low, high))
        share = np.array([counted * (high - low) // len(calls.time)])
        parts.append(_passing(some, np.array([0, high - low]), share))
    return _joined(parts)


def _agree(calls: Calls, low: int, high: int) -> bool:
    some = slice(low, high)
    bounds = np.array([0, high - low])
    return bool(lines.between(calls.time[some], calls.a[some], calls.b[some], bounds, _odd).agree)


def _longest(calls: Calls, low: int) -> int:
    """The end of the longest piece from `low` on that agrees."""
    good, bad = low + 1, len(calls.time) + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if _agree(calls, low, middle) else (good, middle)
    return good


def _earliest(calls: Calls, low: int, middle: int, high: int) -> int:
    """Where the piece from `middle` to `high` could begin already: the calls from there to
    `middle` may be of it, or of the piece from `low` on."""
    bad, good = low, middle
    while good - bad > 1:
        earlier = (good + bad) // 2
        good, bad = (earlier, bad) if _agree(calls, earlier, high) else (good, earlier)
    return good


def _contradicting(calls: Calls, bounds: Integers, counted: int) -> Bands:
    highest = -lines.ranked(-calls.b, bounds, _odd)
    lowest = lines.ranked(calls.a, bounds, _odd)
    grain = calls.grain_caller[:1] + calls.grain_callee[:1]
    return Bands(
        calls.pair[:1], calls.time[:1], calls.time[-1:],
        np.repeat(np.minimum(highest, lowest), 3)[None],
        np.repeat(np.maximum(highest, lowest), 3)[None],
        np.zeros((1, 2), np.int64), np.array([counted]),
        lines.ranked(calls.a - calls.b, bounds, _odd) - grain, np.zeros(1, np.bool_),
    )  # fmt: skip
