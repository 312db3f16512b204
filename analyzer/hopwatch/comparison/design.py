"""How the two sides of a comparison lie in time, and what cannot be told from that.

two windows    A A A A A A B B B B B B
interleaved    A A B B A A B B A A B B     in turns of some seconds
side by side   AB AB AB AB AB AB AB AB     a canary: both at the same time
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from hopwatch.comparison.blocks import Integers

_FEWEST_TURNS: Final = 4


class Design(NamedTuple):
    """`kind`: see the module. `weakness`: a sentence."""

    kind: str
    weakness: str


TWO_WINDOWS: Final = Design(
    "two windows",
    "What else changed between the two windows (load, data, neighbours, time of day) cannot be "
    "told from the change under test. Short turns of both (A B A B) can tell them apart.",
)
_INTERLEAVED: Final = Design(
    "interleaved",
    "Slow drift hits both sides alike. What one turn leaves behind (warm caches, queues) still "
    "reaches into the next.",
)
_SIDE_BY_SIDE: Final = Design(
    "side by side",
    "Both sides ran at the same time, so they shared what they share: one can slow down the "
    "other, and requests must have been divided by chance for them to be alike.",
)


def design_of(before: Integers, after: Integers) -> Design:
    """The design of two sides with requests in these seconds (Unix ns, ascending)."""
    if 2 * len(np.intersect1d(before, after)) > min(len(before), len(after)):
        return _SIDE_BY_SIDE
    times = np.concatenate([before, after])
    side = np.repeat([0, 1], [len(before), len(after)])[np.argsort(times, kind="stable")]
    turns = 1 + int(np.count_nonzero(np.diff(side)))
    return _INTERLEAVED if turns >= _FEWEST_TURNS else TWO_WINDOWS
