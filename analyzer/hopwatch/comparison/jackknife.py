"""How sure a figure of two windows is, from what it would be without each time block.

Delete-one-block jackknife (attribution.md section 8): with B blocks, x of all and x_(-b) without
block b, the pseudo-values u_b = B x - (B - 1) x_(-b) behave as samples of x. Neighbours are alike
under correlated load: with r1 the correlation of one with the next and r2 of one with the next but
one, both corrected for what B samples miss by (1 + 3 r1) / B, the variance of x is

    s² / B  v      v = 1 + 2 c / (1 - φ)      c = clip(r1, 0, 0.95)      φ = max(c, r2 / r1)

φ is how much of the likeness is left from one block to the next. The requests' own noise makes r1
smaller, but not φ: without φ (then v is (1 + c) / (1 - c)) slow wandering below much noise is taken
for chance (docs/decisions/0020). Both factors are estimates. Their relative variances are, after
Bartlett, for samples of which each is c times the one before, and chance

    2 / (B - 1) (1 + c²) / (1 - c²)     of s²
    4 / B / (1 - c²)                    of v, where c > 0

and the degrees of freedom are 2 by the sum of these. The two sides' variances add up (Welch,
Satterthwaite).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from hopwatch.comparison import student

Floats = npt.NDArray[np.float64]

_MOST_CORRELATION: Final = 0.95
_LEAST_TO_DIVIDE_BY: Final = 0.05
_MOST_LEFT: Final = 0.9


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its standard error, and with how many degrees of freedom that is known."""

    value: float
    error: float
    freedom: float

    def interval(self, confidence: float) -> tuple[float, float]:
        """What holds the true figure with this confidence, alone."""
        reach = self.error * student.quantile((1 + confidence) / 2, self.freedom)
        return (self.value - reach, self.value + reach) if self.error else (self.value, self.value)

    def p_value(self, limit: float = 0.0) -> float:
        """How likely an estimate so far on its side of `limit` is, if the truth is `limit`;
        one-sided."""
        away = abs(self.value - limit)
        if not self.error:
            return 0.5 if not away else 0.0
        return student.tail(away / self.error, self.freedom)


def pseudo_values(value: npt.ArrayLike, without: npt.ArrayLike) -> Floats:
    """Of figures [...] and what they are without each block [..., B]."""
    rest = np.asarray(without, np.float64)
    blocks = rest.shape[-1]
    found: Floats = blocks * np.asarray(value, np.float64)[..., None] - (blocks - 1) * rest
    return found


def variance(pseudo: Floats) -> tuple[Floats, Floats]:
    """Of the figures whose pseudo-values [..., B] these are: variances and their degrees of
    freedom."""
    blocks = pseudo.shape[-1]
    squares, r1, r2 = correlations(pseudo)
    alike = np.clip(r1, 0, _MOST_CORRELATION)
    left = np.where(r1 > _LEAST_TO_DIVIDE_BY, r2 / np.maximum(r1, _LEAST_TO_DIVIDE_BY), 0.0)
    left = np.maximum(alike, np.minimum(left, _MOST_LEFT))
    inflation = 1 + 2 * alike / (1 - left)
    unlike = 1 - alike**2
    unsure = 2 / (blocks - 1) * (2 - unlike) / unlike + np.where(alike > 0, 4 / blocks / unlike, 0)
    return squares / (blocks - 1) / blocks * inflation, 2 / unsure


def correlations(pseudo: Floats) -> tuple[Floats, Floats, Floats]:
    """Sums of squares of samples [..., B], and their correlations with the next and with the next
    but one."""
    blocks = pseudo.shape[-1]
    deviations = pseudo - pseudo.mean(axis=-1, keepdims=True)
    squares = (deviations**2).sum(axis=-1)
    divisor = np.where(squares > 0, squares, 1)
    found = [
        (deviations[..., lag:] * deviations[..., :-lag]).sum(axis=-1) / divisor for lag in (1, 2)
    ]
    missing = (1 + 3 * found[0]) / blocks
    return squares, found[0] + missing, found[1] + missing


def estimates(values: npt.ArrayLike, sides: Sequence[Floats]) -> list[Estimate]:
    """Figures [K] with the pseudo-values [K, B] of each side on which they rest."""
    found = [variance(pseudo) for pseudo in sides]
    total = np.sum([v for v, _ in found], axis=0)
    spread = np.sum([np.square(v) / freedom for v, freedom in found], axis=0)
    return [
        Estimate(float(value), sqrt(v), float(v * v / s) if s > 0 else inf)
        for value, v, s in zip(np.asarray(values, np.float64), total, spread, strict=True)
    ]
