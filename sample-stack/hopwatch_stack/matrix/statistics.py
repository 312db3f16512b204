"""How sure a figure is, and in which order figures are.

The unit is the turn: what is measured within one is correlated, turns are not much. A figure is the
mean over turns with Student's interval; of the logarithms where no turn has 0, as times and sizes
vary by factors. So the mean is the geometric one then, and no interval reaches below 0.
"""

import functools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hopwatch.comparison import student

CONFIDENCE = 0.95
# Two turns have an interval too: of many times the figure either way.
FEWEST_TURNS = 3
# Of events that come by chance: how many are to be expected at most, where none was seen.
MOST_UNSEEN = -math.log((1 - CONFIDENCE) / 2)
_quantile = functools.cache(student.quantile)
Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Estimate:
    """`low` and `high` are None where there are too few turns to say how sure `value` is; what is
    counted and not measured has no turns (n 0) and is its own interval."""

    value: float
    low: float | None
    high: float | None
    n: int


def counted(value: float) -> Estimate:
    return Estimate(value, value, value, 0)


def estimate(values: Sequence[float], one_event: float = 0.0) -> Estimate:
    """Of one value a turn; there must be one at least. `one_event`: what one more in a turn would
    be, where events are counted. None seen in few turns does not say that there are none."""
    logarithmic = min(values) > 0
    shown = [math.log(value) for value in values] if logarithmic else list(values)
    back = math.exp if logarithmic else float
    mean = statistics.fmean(shown)
    if len(shown) < FEWEST_TURNS:
        return Estimate(back(mean), None, None, len(shown))
    error = statistics.stdev(shown) / math.sqrt(len(shown))
    reach = error * _quantile((1 + CONFIDENCE) / 2, len(shown) - 1)
    # No row can be less than nothing.
    low = back(mean - reach) if logarithmic else max(0.0, mean - reach)
    high = max(back(mean + reach), one_event * MOST_UNSEEN / len(shown))
    return Estimate(back(mean), low, high, len(shown))


def told_apart(one: Estimate, other: Estimate) -> bool:
    """Whether their intervals do not overlap."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low


def ranks(cells: Mapping[str, Estimate], better: Better) -> dict[str, tuple[int, int]]:
    """The best and the worst place, from 1, that each may have: those that cannot be told apart
    share theirs."""

    def ahead(one: Estimate, other: Estimate) -> bool:
        is_lower = one.value < other.value
        return told_apart(one, other) and is_lower == (better == "lower")

    return {
        name: (
            1 + sum(ahead(other, one) for other in cells.values()),
            len(cells) - sum(ahead(one, other) for other in cells.values()),
        )
        for name, one in cells.items()
    }
