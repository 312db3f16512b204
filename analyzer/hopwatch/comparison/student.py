"""Student's t with any positive degrees of freedom: distribution and quantile.

The distribution is a regularised incomplete beta function, evaluated as its continued fraction
(Abramowitz and Stegun 26.5.8 and 26.7.1); the quantile is where the distribution is p. The only
statistical tables that hopwatch needs: not worth a dependency on scipy.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, inf, lgamma, log, log1p, pi, sqrt
from typing import Final

_TINY: Final = 1e-300
_PRECISE: Final = 1e-13
_MOST_STEPS: Final = 10_000
_LARGEST: Final = 1e15
_NORMAL_FROM: Final = 1e9
"""Degrees of freedom beyond which another one changes no digit."""


def tail(t: float, freedom: float) -> float:
    """P(T > t) with `freedom` > 0 degrees of freedom."""
    freedom = min(freedom, _NORMAL_FROM)
    x = freedom / (freedom + t * t)
    beyond = incomplete_beta(freedom / 2, 0.5, x) / 2
    return beyond if t >= 0 else 1 - beyond


@lru_cache(maxsize=4096)
def quantile(p: float, freedom: float) -> float:
    """The t below which T lies with probability p (0 < p < 1); infinite where it is beyond
    1e15."""
    if p < 0.5:
        return -quantile(1 - p, freedom)
    beyond = 1 - p
    low, high = 0.0, 1.0
    while tail(high, freedom) > beyond:
        low, high = high, 2 * high
        if high > _LARGEST:
            return inf
    t = low
    for _ in range(_MOST_STEPS):
        missing = tail(t, freedom) - beyond
        low, high = (t, high) if missing > 0 else (low, t)
        step = t + missing / _density(t, freedom)  # Newton's, kept between the bounds
        step = step if low < step < high else (low + high) / 2
        if abs(step - t) <= _PRECISE * abs(step):
            break
        t = step
    return t


def _density(t: float, freedom: float) -> float:
    half = min(freedom, _NORMAL_FROM) / 2
    return exp(lgamma(half + 0.5) - lgamma(half) - (half + 0.5) * log1p(t * t / 2 / half)) / sqrt(
        2 * half * pi
    )


def incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b) for 0 <= x <= 1."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side
        return 1 - incomplete_beta(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x)) / a
    return front * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of I_x(a, b), by Lentz's method."""
    value, c, d = 1.0, 1.0, 0.0
    for step in range(_MOST_STEPS):
        m = step // 2
        if step == 0:
            term = 1.0
        elif step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _away_from_zero(1 + term * d)
        c = _away_from_zero(1 + term / c)
        value *= c * d
        if step and abs(c * d - 1) < _PRECISE:
            break
    return value - 1


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
