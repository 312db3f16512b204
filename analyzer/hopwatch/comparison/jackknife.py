"""How sure a figure of two windows is, from what it would be without each time block.

Delete-one-block jackknife (attribution.md section 8): with B blocks, x of all and x_(-b) without
block b, the pseudo-values u_b = B x - (B - 1) x_(-b) behave as samples of x. Neighbours are alike
under correlated load: with r1 the correlation of one with the next, the variance of x is

    s² / B  (1 + c) / (1 - c)      c = clip(r1 + (1 + 3 r1) / B, 0, 0.95)

and is known with (B - 1) (1 - c) / (1 + c) degrees of freedom. The two sides' variances add up
(Welch, Satterthwaite).
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
    deviations = pseudo - pseudo.mean(axis=-1, keepdims=True)
    squares = (deviations**2).sum(axis=-1)
    products = (deviations[..., 1:] * deviations[..., :-1]).sum(axis=-1)
    r1 = np.where(squares > 0, products / np.where(squares > 0, squares, 1), 0.0)
    rho = np.clip(r1 + (1 + 3 * r1) / blocks, 0, _MOST_CORRELATION)
    inflation = (1 + rho) / (1 - rho)
    return squares / (blocks - 1) / blocks * inflation, (blocks - 1) / inflation


def estimates(values: npt.ArrayLike, sides: Sequence[Floats]) -> list[Estimate]:
    """Figures [K] with the pseudo-values [K, B] of each side on which they rest."""
    found = [variance(pseudo) for pseudo in sides]
    total = np.sum([v for v, _ in found], axis=0)
    spread = np.sum([np.square(v) / freedom for v, freedom in found], axis=0)
    return [
        Estimate(float(value), sqrt(v), float(v * v / s) if s > 0 else inf)
        for value, v, s in zip(np.asarray(values, np.float64), total, spread, strict=True)
    ]
