"""How sure a share is of which so many cases were counted (Clopper and Pearson).

The bounds are where as many cases or more (or fewer) come about with a chance of half of what the
confidence leaves: never too narrow.
"""

from __future__ import annotations

from typing import Final

from hopwatch.comparison.student import incomplete_beta

_STEPS: Final = 60


def interval(cases: int, of: int, confidence: float) -> tuple[float, float]:
    """What holds the true share with this confidence, at least; 0 <= cases <= of, of > 0."""
    beyond = (1 - confidence) / 2
    low = _share(cases, of - cases + 1, beyond) if cases else 0.0
    high = _share(cases + 1, of - cases, 1 - beyond) if cases < of else 1.0
    return low, high


def _share(a: int, b: int, p: float) -> float:
    """The x with I_x(a, b) = p."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if incomplete_beta(a, b, middle) < p else (low, middle)
    return (low + high) / 2
