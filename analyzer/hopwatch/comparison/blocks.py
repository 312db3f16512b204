"""Time blocks long enough for their sums to count as samples (attribution.md section 8).

Requests of the same second share a load, a garbage collection, a slow query next door: they are
no independent samples. Blocks of some seconds nearly are, and what dependence is left between
neighbours is measured. The block length is the shortest of `LENGTHS` of which every block has 10
requests and of which there are 20.

    seconds with requests   # # # # #       # # # # #        an interleaved design: A, pause, A
    blocks of 2 s           [0] [ 1 ]       [2] [ 3 ]        a pause of a block or more ends one;
                                                             the last of a run takes what is left
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.ledger import BLOCK_NS
from hopwatch.errors import InputError

LENGTHS: Final = (1, 2, 5, 10, 30, 60)
FEWEST_BLOCKS: Final = 20
FEWEST_REQUESTS: Final = 10
MOST_BLOCKS: Final = 3_600
"""More blocks make errors no surer, and cost memory: beyond, blocks are longer."""

Integers = npt.NDArray[np.int64]


class NotEnoughDataError(InputError):
    """Too little traffic to say how sure a difference is; says what is missing."""


@dataclass(frozen=True, slots=True)
class Blocking:
    """`index`: the block (0 <= block < count) of each of the ledger's blocks `starts` (Unix ns,
    ascending). `length`: of a block, seconds. `covered`: seconds of all of them."""

    starts: Integers
    index: Integers
    count: int
    length: int
    covered: int


def blocking(starts: Integers, requests: Integers, most: int = MOST_BLOCKS) -> Blocking:
    """Blocks for a ledger that has `requests` (> 0) in its blocks `starts`.

    Raises NotEnoughDataError.
    """
    if not len(starts):
        raise NotEnoughDataError("no requests: widen the window or the filter")
    for length in (*LENGTHS, *_longer(starts, most)):
        found = _cut(starts, length)
        if found.count > most:
            continue
        fewest = int(np.bincount(found.index, weights=requests).min())
        if fewest >= FEWEST_REQUESTS:
            if found.count >= FEWEST_BLOCKS:
                return found
            needed = FEWEST_BLOCKS * length
            raise NotEnoughDataError(
                f"{found.covered} s of traffic are {found.count} blocks of {length} s with at "
                f"least {FEWEST_REQUESTS} requests each, and {FEWEST_BLOCKS} are needed to say "
                f"how sure a difference is: record about {needed} s, or more requests a second"
            )
    raise NotEnoughDataError(
        f"{int(requests.sum()):,} requests in {found.covered:,} s are too thin: some block of "
        f"{found.length} s has only {fewest}, and each needs {FEWEST_REQUESTS} to say how sure a "
        "difference is: put on more load, or leave out the quiet time"
    )


def _longer(starts: Integers, most: int) -> list[int]:
    """A length in whole minutes for windows of more than `most` minutes."""
    seconds = int(starts[-1] - starts[0]) // BLOCK_NS + 1
    minutes = -(-seconds // (60 * most))
    return [60 * minutes] if minutes > 1 else []


def _cut(starts: Integers, length: int) -> Blocking:
    seconds = starts // BLOCK_NS
    first = np.flatnonzero(np.diff(seconds, prepend=seconds[0] - length - 1) > length)
    last = np.append(first[1:], len(seconds)) - 1
    run = np.repeat(np.arange(len(first)), last - first + 1)
    spans = seconds[last] - seconds[first] + 1
    blocks = np.maximum(1, spans // length)
    inside = np.minimum((seconds - seconds[first][run]) // length, blocks[run] - 1)
    before = np.cumsum(blocks) - blocks
    # A block of a sparse run may be empty: only those with requests are samples.
    _, index = np.unique(before[run] + inside, return_inverse=True)
    return Blocking(starts, index, int(index[-1]) + 1, length, int(spans.sum()))
