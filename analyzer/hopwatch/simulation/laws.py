"""The laws by which times are drawn, and how they are written.

    2ms                        always
    normal(2ms, 0.3ms)         mean, standard deviation
    lognormal(2ms, 0.5)        median, standard deviation of the logarithm
    exponential(2ms)           mean
    pareto(2ms, 1.5)           least value, tail exponent
    mixture(9 2ms, 1 normal(30ms, 5ms))      weights, and a law or a time for each

A drawn time is rounded to ns, at least 0 and at most a day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Final

from hopwatch.errors import UsageError

UNITS: Final = {
    "ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9,
    "h": 3600 * 10**9,
}  # fmt: skip
KINDS: Final = ("constant", "normal", "lognormal", "exponential", "pareto", "mixture")
_DURATION: Final = re.compile(r"(-?\d{1,15}(?:\.\d{1,9})?)\s*(ns|us|µs|ms|s|m|h)")
_NUMBER: Final = re.compile(r"\d{1,15}(?:\.\d{1,9})?")
_SECOND_IS_TIME: Final = {"normal": True, "lognormal": False, "pareto": False}
_LONGEST_NS: Final = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Law:
    """A law of times in ns. `first` and `second` are its parameters in the order in which they
    are written; `parts`: the weights and laws of a mixture."""

    kind: str
    first: float = 0.0
    second: float = 0.0
    parts: tuple[tuple[float, Law], ...] = ()


AT_ONCE: Final = Law("constant")
"""No time."""


def parse_duration(text: str) -> float:
    """A time such as `2.5ms` in ns. Raises UsageError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no time; write 250us, 2ms or 1.5s ({', '.join(UNITS)})")
    ns = float(match[1]) * UNITS[match[2]]
    if abs(ns) > _LONGEST_NS:
        raise UsageError(f"{text!r} is longer than a day")
    return ns


def parse(text: str) -> Law:
    """A law from its text. Raises UsageError that says what is allowed."""
    name, bracket, rest = text.strip().partition("(")
    if not bracket:
        return Law("constant", _time(text))
    name = name.strip().lower()
    if name not in KINDS or not rest.endswith(")"):
        raise UsageError(f"{text!r} is no law; write a time or one of {', '.join(KINDS)}(...)")
    words = list(split(rest[:-1]))
    if name == "mixture":
        return Law(name, parts=tuple(_part(word, text) for word in words))
    wanted = 2 if name in _SECOND_IS_TIME else 1
    if len(words) != wanted:
        raise UsageError(f"{text!r}: {name} takes {wanted} parameters, {len(words)} are given")
    second = 0.0
    if wanted == 2:
        second = parse_duration(words[1]) if _SECOND_IS_TIME[name] else _number(words[1], text)
    if second < 0 or (name == "pareto" and second == 0):
        raise UsageError(f"{text!r}: the second parameter of {name} must be above 0")
    return Law(name, _time(words[0]), second)


def _time(text: str) -> float:
    ns = parse_duration(text)
    if ns < 0:
        raise UsageError(f"{text!r} is negative: nothing takes less than no time")
    return ns


def scaled(law: Law, factor: float) -> Law:
    """The law of times that are `factor` as long."""
    second = law.second * factor if _SECOND_IS_TIME.get(law.kind) else law.second
    parts = tuple((weight, scaled(part, factor)) for weight, part in law.parts)
    return Law(law.kind, law.first * factor, second, parts)


def _part(word: str, text: str) -> tuple[float, Law]:
    weight, _, law = word.strip().partition(" ")
    parsed = parse(law)
    if parsed.kind == "mixture":
        raise UsageError(f"{text!r}: a mixture cannot hold another")
    if (share := _number(weight, text)) == 0:
        raise UsageError(f"{text!r}: a weight of 0 is no part of a mixture")
    return share, parsed


def _number(word: str, text: str) -> float:
    word = word.strip()
    if not _NUMBER.fullmatch(word) or not isfinite(number := float(word)):
        raise UsageError(f"{text!r}: {word!r} is no number")
    return number


def split(text: str) -> Iterator[str]:
    """What stands between the commas that are outside of brackets."""
    depth = begin = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            yield text[begin:place]
            begin = place + 1
    yield text[begin:]
