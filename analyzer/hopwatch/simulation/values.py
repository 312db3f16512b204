"""How the values of a scenario's TOML are read. A reader takes the value and where it stands,
and raises UsageError that says what is allowed there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from hopwatch.errors import UsageError
from hopwatch.simulation.laws import Law, parse, parse_duration
from hopwatch.simulation.scenario import Target

Reader = Callable[[Any, str], Any]

_NEVER: Final = object()


class Keys:
    """The keys of one TOML table: each is taken once; what is left is unknown."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise UsageError(f"{where}: a table is expected, not {value!r}")
        self._values = dict(value)
        self._allowed: list[str] = []
        self.where = where

    def take(self, key: str, read: Reader, default: Any = _NEVER) -> Any:
        """The value of a key by `read`; without the key its default."""
        self._allowed.append(key)
        if key not in self._values:
            if default is _NEVER:
                raise UsageError(f"{self.where or 'the scenario'}: {key} is missing")
            return default
        where = f"{self.where}.{key}" if self.where else key
        try:
            return read(self._values.pop(key), where)
        except UsageError as error:
            text = str(error)
            raise UsageError(text if text.startswith(where) else f"{where}: {text}") from None

    def has(self, key: str) -> bool:
        return key in self._values

    def done(self) -> None:
        """Raises UsageError for a key that was not taken."""
        for key in self._values:
            place = self.where or "the scenario"
            raise UsageError(f"{place}: unknown key {key!r}; allowed: {', '.join(self._allowed)}")


def text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{where}: a text is expected, not {value!r}")
    return value


def flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{where}: true or false is expected, not {value!r}")
    return value


def number(value: Any, where: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UsageError(f"{where}: a number from {low:g} to {high:g} is expected, not {value!r}")
    return float(value)


def positive(value: Any, where: str) -> float:
    return number(value, where, 1e-6, 1e9)


def nonnegative(value: Any, where: str) -> float:
    return number(value, where, 0, 1e9)


def ppm(value: Any, where: str) -> float:
    return number(value, where, -1e5, 1e5)


def share(value: Any, where: str) -> float:
    return number(value, where, 0, 1)


def count(low: int, high: int) -> Callable[[Any, str], int]:
    def read(value: Any, where: str) -> int:
        if not isinstance(value, int):
            raise UsageError(f"{where}: a whole number is expected, not {value!r}")
        return int(number(value, where, low, high))

    return read


def times(value: Any, where: str) -> tuple[int, int]:
    pair = value if isinstance(value, list) else [value, value]
    if len(pair) == 2:
        low, high = (count(0, 10_000)(number, where) for number in pair)
        if low <= high:
            return low, high
    raise UsageError(f"{where}: a number, or [least, most], is expected, not {value!r}")


def law(value: Any, where: str) -> Law:
    return parse(text(value, where))


def signed(value: Any, where: str) -> int:
    return round(parse_duration(text(value, where)))


def duration(value: Any, where: str) -> int:
    if (ns := signed(value, where)) < 0:
        raise UsageError(f"{where}: {value!r} is negative")
    return ns


def lasting(value: Any, where: str) -> int:
    if (ns := duration(value, where)) == 0:
        raise UsageError(f"{where}: must be above 0")
    return ns


def moment(value: Any, where: str) -> int:
    if not isinstance(value, datetime):
        raise UsageError(f"{where}: a time such as 2026-11-01T00:00:00Z is expected")
    zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
    whole = int(zoned.replace(microsecond=0).timestamp())
    if not 0 <= whole < 2**32:
        raise UsageError(f"{where}: {value} is not between 1970 and 2106")
    return whole * 10**9 + zoned.microsecond * 1000


def two_words(value: Any, where: str) -> tuple[str, str]:
    first, _, second = text(value, where).strip().partition(" ")
    if not second.strip():
        raise UsageError(f"{where}: two words are expected, not {value!r}")
    return first, second.strip()


def target(value: Any, where: str) -> Target:
    return Target(*two_words(value, where))


def http(value: Any, where: str) -> str:
    return " ".join(two_words(value, where))


def one_of(*allowed: str) -> Callable[[Any, str], str]:
    def read(value: Any, where: str) -> str:
        if value not in allowed:
            raise UsageError(f"{where}: {value!r} is none of {', '.join(allowed)}")
        return str(value)

    return read


def list_of(read: Reader) -> Callable[[Any, str], tuple[Any, ...]]:
    def read_all(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise UsageError(f"{where}: a list is expected, not {value!r}")
        return tuple(read(item, f"{where}[{place}]") for place, item in enumerate(value))

    return read_all


def map_of(read: Reader, key: Reader = text) -> Callable[[Any, str], Mapping[Any, Any]]:
    def read_all(value: Any, where: str) -> Mapping[Any, Any]:
        if not isinstance(value, dict) or not value:
            raise UsageError(f"{where}: a table with an entry or more is expected")
        return {key(k, where): read(v, f"{where}.{k!r}") for k, v in value.items()}

    return read_all
