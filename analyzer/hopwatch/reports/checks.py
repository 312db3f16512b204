"""Judged conditions, as lines of text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from hopwatch.checks import Checked, Measured
from hopwatch.checks.conditions import Unit
from hopwatch.reports.numbers import count, duration
from hopwatch.reports.text import plain

_STYLES: Final = {"failed": "bold red", "passed": "green", "unjudged": "bold yellow"}
_WIDEST: Final = max(map(len, _STYLES))


def print_checks(console: Console, checks: Sequence[Checked]) -> None:
    """Prints each condition, its verdict, and what was measured; nothing where there is none."""
    if not checks:
        return
    console.print(Text("\nChecks", style="bold"))
    for checked in checks:
        head = Text(f"{checked.verdict:<{_WIDEST}}  ", style=_STYLES[checked.verdict])
        head.append(plain(checked.condition.text), style="not bold default")
        console.print(Padding(head, (0, 0, 0, 2)))
        for line in said(checked):
            console.print(Padding(Text(plain(line)), (0, 0, 0, _WIDEST + 4)))


def said(checked: Checked) -> Iterator[str]:
    """What was measured, in sentences."""
    for measured in checked.measured:
        yield _sentence(measured)
    what = count(checked.considered, "request")
    if not checked.condition.cells.keeps_all:
        what = f"{checked.requests:,} of {what} with such time"
    yield f"Measured on {what}."
    if checked.near:
        yield f"There is: {', '.join(checked.near)}."


def _sentence(measured: Measured) -> str:
    comparison, estimate = measured.comparison, measured.estimate
    unit = comparison.unit
    if estimate is None:
        return f"{comparison.statistic}: needs {count(measured.needed, 'request')} to be judged."
    shown = f"{comparison.statistic}: {_value(estimate.value, unit)}"
    if not estimate.exact:
        shown += f" (95% interval {_interval(estimate.low, estimate.high, unit)})"
    limit = f"{comparison.operator} {_value(comparison.limit, unit)}"
    sure = "" if measured.certain else ", which the data cannot tell for sure"
    line = f"{shown}; {limit} {'holds' if measured.holds else 'does not hold'}{sure}."
    if measured.holds and measured.exemplar is not None:
        line += f" See trace {measured.exemplar.hex()}."
    return line


def _value(value: Fraction | float, unit: Unit) -> str:
    match unit:
        case "ns":
            return duration(round(value))
        case "share":
            return f"{float(100 * value):.4g}%"
        case _:
            return f"{float(value):,.6g}" if value < 10**6 else f"{round(value):,}"


def _interval(low: float | None, high: float | None, unit: Unit) -> str:
    if low is not None and high is not None:
        return f"{_value(low, unit)} to {_value(high, unit)}"
    if low is not None:
        return f"from {_value(low, unit)}, open above"
    return "unknown" if high is None else f"up to {_value(high, unit)}, open below"


def check_document(checked: Checked) -> dict[str, Any]:
    """One of `checks` in `hopwatch.ledger/1`. Values are in ns, shares of 1, or counts."""
    return {
        "condition": checked.condition.text,
        "verdict": checked.verdict,
        "requests": checked.requests,
        "considered": checked.considered,
        "comparisons": [_measured_document(measured) for measured in checked.measured],
        "near": list(checked.near),
    }


def _measured_document(measured: Measured) -> dict[str, Any]:
    comparison, estimate = measured.comparison, measured.estimate
    return {
        "statistic": comparison.statistic,
        "operator": comparison.operator,
        "limit": _number(comparison.limit),
        "unit": comparison.unit,
        "value": estimate and _number(estimate.value),
        "interval": None if estimate is None or estimate.exact else [estimate.low, estimate.high],
        "holds": measured.holds,
        "certain": measured.certain,
        "needed": measured.needed,
        "exemplar": measured.exemplar and measured.exemplar.hex(),
    }


def _number(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
