"""Calls between two processes -> where the offset θ of their clocks lies, and how it moves.

Each call says b <= θ <= a at its own time (see `clocks`). Clocks that run freely drift apart in
a line, so θ over some minutes is any line that stays above all b and below all a:

    ns |  a     a       a   a         the feasible lines are a polygon (offset, slope); what
       |      a    a  .....-'         it allows at both ends of the stretch, joined by chords,
       |  ......-----'     b          (by the middle) encloses θ at every time between, however
       |  b    b   b   b      b       few calls there are, and at whatever slope the clock drifts
       +----------------------- time

(Moon, Skelly, Towsley: Estimation and removal of clock skew from network delay measurements,
1999, take the one line that is nearest to the calls; here all are kept.) Of the calls only the
quicker half counts (as far as stamps can tell), and of these not the most extreme 1 % on either
side, for a single odd span must not decide.

Calls that no line passes between are cut in time, where the clock was set or began to be
slewed; if there is no such place, they contradict each other.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.lines import Points, agree, between, ranked

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CALLS_TO_JUDGE: Final = 10
"""Calls without which nothing is said of θ."""
WINDOW_NS: Final = 60_000_000_000
_CALLS_ENOUGH: Final = 60  # of a window that needs no neighbours
_COARSE_NS: Final = 100_000
_COARSE_CALLS_ENOUGH: Final = 250  # where stamps are coarser
_WINDOWS_JOINED: Final = 5  # of calls that are enough to judge
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
    grain: how far stamps may shift what a single call says, ns. agree: whether these calls agree
    on any θ; else the bounds enclose all that they say.
    """

    pair: Integers
    start: Integers
    end: Integers
    low: Integers
    high: Integers
    slope: Integers
    calls: Integers
    base: Integers
    grain: Integers
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
    median = ranked(gap, bounds, lambda size: (size - 1) // 2)
    grain = calls.grain_caller + calls.grain_callee
    quick = np.flatnonzero(gap <= np.repeat(median, np.diff(bounds)) + grain)
    loosened = calls._replace(a=calls.a + calls.grain_callee, b=calls.b - calls.grain_caller)
    groups = _Groups(
        _taken(loosened, quick), np.searchsorted(quick, bounds), calls.time[bounds[:-1]],
        calls.time[bounds[1:] - 1], np.diff(bounds),
    )  # fmt: skip
    found = _passing(groups)
    parts = [_taken(found, np.flatnonzero(found.agree))]
    parts += [_in_pieces(groups.part(which)) for which in np.flatnonzero(~found.agree).tolist()]
    found = _joined(parts)
    return _taken(found, np.lexsort((found.start, found.pair)))


class _Groups(NamedTuple):
    """Quick calls in groups, a and b loosened by what stamps blur. start, end, counted: of all
    calls of the group."""

    calls: Calls
    bounds: Integers
    start: Integers
    end: Integers
    counted: Integers

    def part(self, which: int) -> _Groups:
        """One of the groups."""
        low, high = int(self.bounds[which]), int(self.bounds[which + 1])
        return _Groups(
            _taken(self.calls, np.arange(low, high)), np.array([0, high - low]),
            self.start[[which]], self.end[[which]], self.counted[[which]],
        )  # fmt: skip

    def points(self) -> Points:
        """What lines have to pass."""
        return Points(*self.calls[1:4], self.bounds, self.start, self.end)

    def grain(self) -> Integers:
        """By how much a - b was loosened, by group."""
        heads = self.bounds[:-1]
        return self.calls.grain_caller[heads] + self.calls.grain_callee[heads]

    def base(self) -> Integers:
        """The gap of the quickest calls, by group."""
        return ranked(self.calls.a - self.calls.b, self.bounds, _odd) - self.grain()


def _stretches(calls: Calls) -> tuple[Calls, Integers]:
    """Calls by stretches, and their bounds. A stretch is a window with enough calls, or
    neighbouring windows that have enough together. Calls that are too few are left out."""
    window = calls.time // WINDOW_NS
    begins = runs(calls.pair, window)
    heads = begins[:-1]
    coarse = np.maximum(calls.grain_caller, calls.grain_callee)[heads] >= _COARSE_NS
    enough = np.where(coarse, _COARSE_CALLS_ENOUGH, _CALLS_ENOUGH)
    stretches: list[tuple[int, int, int, int]] = []  # pair, window, first call, calls
    columns = calls.pair[heads], window[heads], heads, np.diff(begins), enough
    for pair, number, first, count, wanted in zip(*(c.tolist() for c in columns), strict=True):
        if stretches and stretches[-1][0] == pair:
            _, since, begin, held = stretches[-1]
            longest = _WINDOWS_JOINED if held >= CALLS_TO_JUDGE else _WINDOWS_AT_MOST
            if held < wanted and number - since < longest:
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


def _passing(groups: _Groups) -> Bands:
    """The bands of groups, each taken as one."""
    found = between(groups.points(), _odd)
    for which in np.flatnonzero(~found.agree).tolist():
        for column, value in zip(found, between(groups.part(which).points(), _odder), strict=True):
            column[which] = value[0]
    base = groups.base()
    # Calls cannot agree on θ more closely than the quickest of them knows it by itself, unless
    # way out and back vary by turns; or else the clock moved a little: so widen.
    doubt = np.maximum(0, base + groups.grain() // 8 - found.room)[:, None]
    return Bands(
        groups.calls.pair[groups.bounds[:-1]], groups.start, groups.end,
        found.low - doubt, found.high + doubt, found.slope, groups.counted, base, groups.grain(),
        found.agree,
    )  # fmt: skip


def _in_pieces(group: _Groups) -> Bands:
    """The bands of calls that no line passes between: of pieces on each of which they agree, or
    of all as one."""
    size = len(group.calls.time)
    ends = [0]
    while ends[-1] < size and len(ends) <= _PIECES:
        ends.append(_longest(group, ends[-1]))
    pieces = [
        (low, _earliest(group, low, high, after) if after else high)
        for low, high, after in zip(ends[:-1], ends[1:], [*ends[2:], 0], strict=True)
    ]
    pieces = [(low, high) for low, high in pieces if high - low >= CALLS_TO_JUDGE // 2]
    held = sum(high - low for low, high in pieces)
    if ends[-1] < size or 5 * held < 4 * size:
        return _as_one(group)
    return _joined([_passing(_piece(group, low, high)) for low, high in pieces])


def _piece(group: _Groups, low: int, high: int) -> _Groups:
    """Some of the calls of a group; those at its ends reach as far as the group does."""
    time = group.calls.time
    return _Groups(
        _taken(group.calls, np.arange(low, high)), np.array([0, high - low]),
        group.start if low == 0 else time[[low]],
        group.end if high == len(time) else time[[high - 1]],
        group.counted * (high - low) // len(time),
    )  # fmt: skip


def _agree(group: _Groups, low: int, high: int) -> bool:
    return bool(agree(_piece(group, low, high).points(), _odd)[0])


def _longest(group: _Groups, low: int) -> int:
    """The end of the longest piece from `low` on that agrees."""
    good, bad = low + 1, len(group.calls.time) + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if _agree(group, low, middle) else (good, middle)
    return good


def _earliest(group: _Groups, low: int, middle: int, high: int) -> int:
    """Where the piece from `middle` to `high` could begin already: the calls from there to
    `middle` may be of it, or of the piece from `low` on."""
    bad, good = low, middle
    while good - bad > 1:
        earlier = (good + bad) // 2
        good, bad = (earlier, bad) if _agree(group, earlier, high) else (good, earlier)
    return good


def _as_one(group: _Groups) -> Bands:
    """One band of calls that no line passes between. Clocks that are steered wander about a
    line: if a line misses the calls by no more than the quickest of them leaves open by itself,
    that is what happened. Else the calls contradict each other."""
    calls, base = group.calls, group.base()
    for miss in (base // 2, base):
        loosened = calls._replace(a=calls.a + miss, b=calls.b - miss)
        found = _passing(group._replace(calls=loosened))
        if found.agree:
            return found._replace(base=base)
    highest = -ranked(-calls.b, group.bounds, _odd)
    lowest = ranked(calls.a, group.bounds, _odd)
    return found._replace(
        low=np.repeat(np.minimum(highest, lowest) - base, 3)[None],
        high=np.repeat(np.maximum(highest, lowest) + base, 3)[None],
        slope=np.zeros((1, 2), np.int64),
        base=base,
    )
