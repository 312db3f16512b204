"""What a condition may say: `hop=orders,route=POST *,p95>200ms,requests>=100`.

Parts are separated by commas; a part that has a comma in it is put in double quotes. `key=glob`
chooses requests and cells, `statistic>limit` compares. A condition holds where every one of its
comparisons does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Final, Literal, NoReturn

from hopwatch.attribution import CellFilter
from hopwatch.errors import UsageError

Unit = Literal["ns", "share", "count"]

REQUEST_KEYS: Final = ("route", "outcome", "service")
CELL_KEYS: Final = ("hop", "caller", "language", "kind", "operation", "version")
STATISTICS: Final[dict[str, Unit]] = {
    "mean": "ns",
    "max": "ns",
    "retry": "ns",
    "share": "share",
    "errors": "share",
    "calls": "count",
    "requests": "count",
}
"""Beside the percentiles: each statistic's unit."""
OF_CELLS: Final = ("share", "calls")
"""Statistics that say nothing of whole requests."""

_NS: Final = {"ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 10**6, "s": 10**9}
_UNITS_SAID: Final = {
    "ns": "a time such as 200ms (ns, us, ms, s)",
    "share": "a share such as 5%",
    "count": "a number without a unit, such as 20",
}
_PART: Final = re.compile(r"\s*(?P<name>[^=<>\s]*)\s*(?P<operator><=|>=|==|=|<|>)?\s*(?P<value>.*)")
_LIMIT: Final = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)\s*([a-zµμ%]*)")
_PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d{1,2})?)")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A statistic and its limit: in ns, as a share of 1, or a count, as `unit` says."""

    statistic: str
    operator: str
    limit: Fraction
    unit: Unit

    @property
    def quantile(self) -> Fraction | None:
        """The q of a percentile, else None."""
        found = _PERCENTILE.fullmatch(self.statistic)
        return Fraction(found[1]) / 100 if found else None

    def holds(self, value: Fraction) -> bool:
        """Whether a value is on the failing side of the limit."""
        match self.operator:
            case ">":
                return value > self.limit
            case ">=":
                return value >= self.limit
            case "<":
                return value < self.limit
            case _:
                return value <= self.limit


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as it was written, and what it says. Of requests and cells: globs, None for
    any; `service` is a name."""

    text: str
    comparisons: tuple[Comparison, ...]
    cells: CellFilter
    route: str | None = None
    outcome: str | None = None
    service: str | None = None


def parse(text: str) -> Condition:
    """The condition that `text` says. Raises UsageError, which names the place."""
    chosen: dict[str, str] = {}
    comparisons: list[Comparison] = []
    for place, part in _parts(text):
        found = _PART.fullmatch(part)
        assert found is not None  # it takes anything
        name, operator, value = found["name"], found["operator"], found["value"].strip()
        if name in (*REQUEST_KEYS, *CELL_KEYS):
            if operator != "=":
                _refuse(text, place, f"a key is chosen by '=': {name}=GLOB")
            if chosen.setdefault(name, value) != value:
                _refuse(text, place, f"{name} is asked to be both {chosen[name]!r} and {value!r}")
        else:
            comparisons.append(_comparison(text, place, name, operator, value))
    cells = CellFilter(**{key: chosen[key] for key in CELL_KEYS if key in chosen})
    if chosen.get("outcome", "ok") not in ("ok", "error"):
        _refuse(text, 0, "outcome is 'ok' or 'error'")
    if not comparisons:
        _refuse(text, len(text), "nothing is compared; add a part such as p95>200ms")
    for comparison in comparisons:
        if comparison.statistic in OF_CELLS and cells.keeps_all:
            _refuse(text, 0, f"{comparison.statistic} is of some cells; choose them, as by hop=...")
        if comparison.statistic == "errors" and "outcome" in chosen:
            _refuse(text, 0, "among requests of one outcome the rate of errors is 0 or 100 %")
    of_requests = {key: chosen[key] for key in REQUEST_KEYS if key in chosen}
    return Condition(text, tuple(comparisons), cells, **of_requests)


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """The parts between commas that are in no quotes, and where they begin; without the quotes."""
    begin, quoted = 0, False
    for place, character in enumerate(f"{text},"):
        if character == '"':
            quoted = not quoted
        if character == "," and (not quoted or place == len(text)):
            if quoted:
                _refuse(text, begin, 'a double quote (") is not closed')
            part = text[begin:place].replace('"', "")
            if not part.strip():
                _refuse(text, begin, "a part is empty")
            yield begin, part
            begin = place + 1


def _comparison(text: str, place: int, name: str, operator: str | None, value: str) -> Comparison:
    percentile = _PERCENTILE.fullmatch(name)
    if percentile is None and name not in STATISTICS:
        _refuse(text, place, _unknown(name))
    if percentile is not None and Fraction(percentile[1]) < 1:
        _refuse(text, place, "percentiles go from p1 to p99.99")
    if operator not in (">", ">=", "<", "<="):
        _refuse(text, place, f"{name} is compared by >, >=, < or <=")
    unit = STATISTICS.get(name, "ns")
    limit = _limit(value, unit)
    if limit is None:
        _refuse(text, place, f"{value!r} is no limit for {name}; write {_UNITS_SAID[unit]}")
    return Comparison(name, operator, limit, unit)


def _limit(text: str, unit: Unit) -> Fraction | None:
    found = _LIMIT.fullmatch(text)
    if found is None:
        return None
    number, suffix = Fraction(found[1]), found[2]
    match unit:
        case "ns":
            return number * _NS[suffix] if suffix in _NS else None
        case "share":
            return number / 100 if suffix == "%" else None
        case _:
            return number if not suffix else None


def _unknown(name: str) -> str:
    known = [*REQUEST_KEYS, *CELL_KEYS, *STATISTICS, "p50", "p90", "p95", "p99"]
    near = get_close_matches(name.lower(), known, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return (
        f"{name!r} is no key ({', '.join((*REQUEST_KEYS, *CELL_KEYS))}) and no statistic "
        f"(p1 to p99.99, {', '.join(STATISTICS)}){meant}"
    )


def _refuse(text: str, place: int, why: str) -> NoReturn:
    shown = f"{text[:place]}<HERE>{text[place:]}"
    raise UsageError(f"condition {shown!r}: {why}")
