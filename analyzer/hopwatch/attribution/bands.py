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
    bad = np.flatnonzero(~found.agree)
    if len(bad):
        kept = _taken(found, np.flatnonzero(found.agree))
        low, high = _pieces(groups, bad)
        cut = np.searchsorted(groups.bounds, low, side="right") - 1
        whole = groups.part(np.setdiff1d(bad, cut))
        found = _joined([kept, _passing(groups.part(cut, low, high)), _as_one(whole)])
    return _taken(found, np.lexsort((found.start, found.pair)))


class _Groups(NamedTuple):
    """Quick calls in groups, a and b loosened by what stamps blur. start, end, counted: of all
    calls of the group."""

    calls: Calls
    bounds: Integers
    start: Integers
    end: Integers
    counted: Integers

    def part(
        self, which: Integers, low: Integers | None = None, high: Integers | None = None
    ) -> _Groups:
        """Some of the groups; or pieces of them, calls from `low` to before `high`. A piece at an
        end of its group reaches as far as the group does."""
        first, last = self.bounds[which], self.bounds[which + 1]
        low, high = first if low is None else low, last if high is None else high
        sizes = high - low
        bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        rows = np.repeat(low - bounds[:-1], sizes) + np.arange(bounds[-1])
        time = self.calls.time
        return _Groups(
            _taken(self.calls, rows), bounds,
            np.where(low == first, self.start[which], time[low]),
            np.where(high == last, self.end[which], time[high - 1]),
            self.counted[which] * sizes // (last - first),
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


def _passing(groups: _Groups) -> Bands:
    """The bands of groups, each taken as one."""
    found = between(groups.points(), _odd)
    again = np.flatnonzero(~found.agree)
    if len(again):
        once_more = between(groups.part(again).points(), lambda size: _odd(size) + 1)
        for column, values in zip(found, once_more, strict=True):
            column[again] = values
    base = groups.base()
    # Calls cannot agree on θ more closely than the quickest of them knows it by itself, unless
    # way out and back vary by turns; or else the clock moved a little: so widen.
    doubt = np.maximum(0, base + groups.grain() // 8 - found.room)[:, None]
    return Bands(
        groups.calls.pair[groups.bounds[:-1]], groups.start, groups.end,
        found.low - doubt, found.high + doubt, found.slope, groups.counted, base, groups.grain(),
        found.agree,
    )  # fmt: skip


def _pieces(groups: _Groups, which: Integers) -> tuple[Integers, Integers]:
    """Cuts groups that no line passes into the longest pieces that one does: where these begin,
    and end. None of groups that this does not help. All groups are cut in step."""
    first, last = groups.bounds[which], groups.bounds[which + 1]
    ends = [first]
    while len(ends) <= _PIECES and (ends[-1] < last).any():
        left = np.flatnonzero(ends[-1] < last)
        ends.append(ends[-1].copy())
        ends[-1][left] = _longest(groups, which[left], ends[-2][left])
    lows, highs = [], []
    for low, high, after in zip(ends[:-1], ends[1:], [*ends[2:], last], strict=True):
        followed = np.flatnonzero((high > low) & (after > high))
        until = high.copy()
        until[followed] = _earliest(groups, *(at[followed] for at in (which, low, high, after)))
        lows.append(low)
        highs.append(until)
    low, high = np.stack(lows), np.stack(highs)
    enough = high - low >= CALLS_TO_JUDGE // 2
    held = np.where(enough, high - low, 0).sum(axis=0)
    helps = enough & (ends[-1] == last) & (5 * held >= 4 * (last - first))
    return low[helps], high[helps]


def _longest(groups: _Groups, which: Integers, low: Integers) -> Integers:
    """The end of each group's longest piece from `low` on that agrees."""
    good, bad = low + 1, groups.bounds[which + 1] + 1
    while len(left := np.flatnonzero(bad - good > 1)):
        middle = (good[left] + bad[left]) // 2
        fits = agree(groups.part(which[left], low[left], middle).points(), _odd)
        good[left] = np.where(fits, middle, good[left])
        bad[left] = np.where(fits, bad[left], middle)
    return good


def _earliest(
    groups: _Groups, which: Integers, low: Integers, middle: Integers, high: Integers
) -> Integers:
    """Where the piece from `middle` to `high` could begin already: the calls from there to
    `middle` may be of it, or of the piece from `low` on."""
    bad, good = low.copy(), middle.copy()
    while len(left := np.flatnonzero(good - bad > 1)):
        earlier = (good[left] + bad[left]) // 2
        fits = agree(groups.part(which[left], earlier, high[left]).points(), _odd)
        good[left] = np.where(fits, earlier, good[left])
        bad[left] = np.where(fits, bad[left], earlier)
    return good


def _as_one(groups: _Groups) -> Bands:
    """The bands of groups that no line passes, each as one. Clocks that are steered wander about
    a line: if a line misses the calls by no more than the quickest of them leaves open by itself,
    that is what happened. Else the calls contradict each other."""
    base = groups.base()
    highest = -ranked(-groups.calls.b, groups.bounds, _odd)
    lowest = ranked(groups.calls.a, groups.bounds, _odd)
    parts = []
    left = np.arange(len(base))
    for share in (2, 1):
        some = groups.part(left)
        miss = np.repeat(base[left] // share, np.diff(some.bounds))
        loosened = some.calls._replace(a=some.calls.a + miss, b=some.calls.b - miss)
        found = _passing(some._replace(calls=loosened))._replace(base=base[left])
        parts.append(_taken(found, np.flatnonzero(found.agree)))
        left = left[~found.agree]
    contradicting = _taken(found, np.flatnonzero(~found.agree))
    low = np.minimum(highest, lowest)[left] - base[left]
    high = np.maximum(highest, lowest)[left] + base[left]
    return _joined(
        [
            *parts,
            contradicting._replace(
                low=np.repeat(low[:, None], 3, axis=1),
                high=np.repeat(high[:, None], 3, axis=1),
                slope=np.zeros((len(left), 2), np.int64),
            ),
        ]
    )
