"""Chance, as a pure function: a number is drawn for a key, never from a running generator. So
one thing that changes in a scenario changes nothing of what is drawn for all others."""

from __future__ import annotations

import hashlib
import math
from typing import Any, Final

import numpy as np

from hopwatch.attribution.columnar.jit import compiled

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_A: Final = np.uint64(0xBF58476D1CE4E5B9)
_B: Final = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = (np.uint64(shift) for shift in (30, 27, 31, 11))
_UNIT: Final = 2.0**-53
_LONGEST_NS: Final = 86_400e9

CONSTANT, NORMAL, LOGNORMAL, EXPONENTIAL, PARETO, MIXTURE = range(6)
"""Numbers of `laws.KINDS`."""


def key_of(text: str) -> np.uint64:
    """A key made of a text."""
    return np.uint64(
        int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
    )


@compiled
def mixed(key: Any, salt: Any) -> Any:
    """A key made of two (uint64), by SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    z = np.uint64(key) + _GOLDEN * (np.uint64(salt) + np.uint64(1))
    z = (z ^ (z >> _S30)) * _A
    z = (z ^ (z >> _S27)) * _B
    return z ^ (z >> _S31)


@compiled
def uniform(key: Any, salt: Any) -> Any:
    """A number in [0, 1)."""
    return float(mixed(key, salt) >> _S11) * _UNIT


@compiled
def normal(key: Any, salt: Any) -> Any:
    """A number of the standard normal law (Box and Muller)."""
    first, second = 1.0 - uniform(key, salt), uniform(mixed(key, salt), 77)
    return math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)


@compiled
def drawn(laws: Any, number: Any, key: Any, salt: Any, pace: Any) -> Any:
    """A time in ns by a law of `laws` (`program.LAW`), `pace` times as long."""
    law = np.int64(number)
    if laws[law].kind == MIXTURE:
        u = uniform(key, np.uint64(salt) + np.uint64(1000))
        last = laws[law].part + laws[law].parts - 1
        law = np.int64(laws[law].part)
        while law < last and laws[law].until <= u:
            law += 1
    kind, first, second = laws[law].kind, laws[law].first, laws[law].second
    if kind == NORMAL:
        ns = first + second * normal(key, salt)
    elif kind == LOGNORMAL:
        ns = first * math.exp(second * normal(key, salt))
    elif kind == EXPONENTIAL:
        ns = -first * math.log(1.0 - uniform(key, salt))
    elif kind == PARETO:
        ns = first * (1.0 - uniform(key, salt)) ** (-1.0 / second)
    else:
        ns = first
    return np.int64(min(max(ns * pace, 0.0), _LONGEST_NS))


@compiled
def chances(keys: Any, seed: Any, salt: Any) -> Any:
    """A number in [0, 1) for each key."""
    found = np.empty(len(keys), np.float64)
    for i in range(len(keys)):
        found[i] = uniform(mixed(keys[i], seed), salt)
    return found


@compiled
def all_mixed(keys: Any, salt: Any) -> Any:
    """Each key, mixed with one salt."""
    found = np.empty(len(keys), np.uint64)
    for i in range(len(keys)):
        found[i] = mixed(keys[i], salt)
    return found
