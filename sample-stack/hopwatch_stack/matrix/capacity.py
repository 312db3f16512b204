"""How much a contender can take: the highest rate at which p99 stays within a limit."""

import math
import random
from collections.abc import Callable

# The ratio of the last rate that went well to the first that did not, at most.
RESOLUTION = 1.1
FACTOR = 2.0


def top_rate(
    holds: Callable[[float], bool], first: float, lowest: float, chance: random.Random
) -> float:
    """Halves the rate until it holds, or doubles it until it does not, and then halves the ratio
    between the two. 0 where nothing from `lowest` on holds.

    The first rate is moved by chance, less than the resolution: so the mean over turns is not
    bound to the rates of a grid.
    """
    good: float = first * RESOLUTION ** chance.random()
    bad: float | None = None
    while not holds(good):
        bad, good = good, good / FACTOR
        if good < lowest:
            return 0.0
    while bad is None:
        above = good * FACTOR
        good, bad = (above, None) if holds(above) else (good, above)
    while bad / good > RESOLUTION:
        middle = math.sqrt(good * bad)
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good
