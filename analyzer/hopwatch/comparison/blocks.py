"""Time blocks long enough for their sums to count as samples (attribution.md section 8).

Requests of the same second share a load, a garbage collection, a slow query next door: they are
no independent samples. Blocks of time nearly are, the longer the better, and what dependence is
left between neighbours is measured. So blocks are as long as they can be while there are 20:

    seconds with requests   # # # # # # # # #     # # # # # # # # #      a pause is no time
    blocks                  [0] [0] [1] [1] [2]   [2] [3] [3] [4] ..     of equally many seconds

Shorter blocks give more of them, and false alarms: their own noise hides how alike neighbours are
(docs/decisions/0018).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
import numpy.typing as npt

from hopwatch.errors import InputError

BLOCKS: Final = 20
PIECES: Final = 2 * BLOCKS
"""Half blocks: of one window, two sides of `BLOCKS` each can be made (`own_window`)."""
FEWEST_REQUESTS: Final = 10
"""In every block."""

Integers = npt.NDArray[np.int64]


class NotEnoughDataError(InputError):
    """Too little traffic to say how sure a difference is; says what is missing."""


@dataclass(frozen=True, slots=True)
class Blocking:
    """`index`: the block (0 <= block < BLOCKS) of each of the ledger's seconds that have requests,
    `starts` (Unix ns, ascending). `seconds`: how many these are."""

    starts: Integers
    index: Integers

    @property
    def pieces(self) -> Integers:
        """The half of a block (0 <= piece < PIECES) of each second."""
        return np.arange(self.seconds) * PIECES // self.seconds

    @property
    def seconds(self) -> int:
        return len(self.starts)


def blocking(starts: Integers) -> Blocking:
    """Blocks for a ledger that has requests in its seconds `starts`.

    Raises NotEnoughDataError where these are too few.
    """
    seconds = len(starts)
    if seconds < BLOCKS:
        raise NotEnoughDataError(
            f"{seconds} s with requests are too few to say how sure a difference is: "
            f"{BLOCKS} blocks of time are compared, so record at least {BLOCKS} s, better minutes"
        )
    return Blocking(starts, np.arange(seconds) * BLOCKS // seconds)


def require_enough(blocks: Blocking, requests: Integers) -> None:
    """Raises NotEnoughDataError where a block has too few of the `requests` (> 0, by second) for
    verdicts; who changed more can still be guessed from it (`suspects`)."""
    fewest = int(np.bincount(blocks.index, weights=requests).min())
    if fewest < FEWEST_REQUESTS:
        times = ceil(10 * FEWEST_REQUESTS / fewest) / 10
        raise NotEnoughDataError(
            f"{int(requests.sum()):,} requests are too few to say how sure a difference is: one "
            f"of {BLOCKS} blocks of time has only {fewest}, and each needs {FEWEST_REQUESTS}, so "
            f"record about {times:g} times as long, or put on more load"
        )
