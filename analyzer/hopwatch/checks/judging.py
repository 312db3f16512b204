"""A condition, measured on attributed requests: whether it holds, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import Attribution, Selection, sampling
from hopwatch.attribution.select import glob
from hopwatch.checks import estimates
from hopwatch.checks.conditions import REQUEST_KEYS, Comparison, Condition
from hopwatch.checks.estimates import Estimate, Weights
from hopwatch.errors import UsageError

_SUGGESTIONS: Final = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One comparison of a condition. `estimate`: None where there are too few requests, which is
    fewer than `needed`. `holds`: None then. `certain`: the whole interval says so."""

    comparison: Comparison
    estimate: Estimate | None
    needed: int
    holds: bool | None
    certain: bool
    exemplar: bytes | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A condition, judged. `requests`: those that have any of its cells, of the `considered`
    ones. `holds`: None where it cannot be judged. `near`: where there is nothing to judge, what
    else a key could be meant to say."""

    condition: Condition
    requests: int
    considered: int
    measured: tuple[Measured, ...]
    holds: bool | None
    near: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """`failed` where the condition holds, `passed`, or `unjudged`."""
        return {True: "failed", False: "passed", None: "unjudged"}[self.holds]


def judge(
    condition: Condition, attribution: Attribution, select: Selection, *, detached: bool = False
) -> Checked:
    """Measures the condition on the requests that `select` and the condition keep.

    Raises UsageError where both say of which route, outcome or service these are.
    """
    chosen = _chosen(condition, select)
    rows = attribution.times(condition.cells, chosen, detached=detached)
    considered = rows.num_rows
    having = rows if condition.cells.keeps_all else rows.filter(pc.greater(rows["spans"], 0))
    measured = tuple(_measure(comparison, having, rows) for comparison in condition.comparisons)
    outcomes = [one.holds for one in measured]
    holds = False if False in outcomes else None if None in outcomes else True
    near = () if having.num_rows else tuple(_near(condition, attribution, chosen, detached))
    return Checked(condition, having.num_rows, considered, measured, holds, near)


def _chosen(condition: Condition, select: Selection) -> Selection:
    asked = {key: wanted for key in REQUEST_KEYS if (wanted := getattr(condition, key)) is not None}
    for key, wanted in asked.items():
        if getattr(select, key) not in (None, wanted):
            raise UsageError(
                f"condition {condition.text!r}: the whole report is of {key} "
                f"{getattr(select, key)!r} already, by --{key}"
            )
    return replace(select, **asked)


def _measure(comparison: Comparison, having: pa.Table, considered: pa.Table) -> Measured:
    q = comparison.quantile
    counts = comparison.statistic == "requests"
    needed = 0 if counts else 1 if q is None else estimates.needed(q)
    if having.num_rows < needed:
        return Measured(comparison, None, needed, None, certain=False, exemplar=None)
    estimate = _estimate(comparison, having, considered)
    holds = comparison.holds(estimate.value)
    upwards = comparison.operator in (">", ">=")
    return Measured(
        comparison,
        estimate,
        needed,
        holds,
        certain=estimates.beyond(estimate, comparison.limit, above=upwards is holds),
        exemplar=having["trace_id"][estimate.place].as_py() if estimate.place >= 0 else None,
    )


def _estimate(comparison: Comparison, having: pa.Table, considered: pa.Table) -> Estimate:
    weights = _weights(having)
    each = np.ones(having.num_rows, np.int64)
    blamed = _column(having, "blamed_ns")
    if (q := comparison.quantile) is not None:
        return estimates.quantile(blamed, q, weights)
    match comparison.statistic:
        case "requests":
            return Estimate(Fraction(considered.num_rows), exact=True)
        case "max":
            place = int(np.argmax(blamed))
            return Estimate(Fraction(int(blamed[place])), exact=True, place=place)
        case "errors":
            failed = pc.equal(having["outcome"], "error").to_numpy()
            return estimates.rate(failed, weights)
        case "share":
            found = estimates.ratio(
                _column(considered, "blamed_ns"),
                _column(considered, "duration_ns"),
                _weights(considered),
            )
            return replace(found, place=int(np.argmax(blamed)))
        case "calls":
            return estimates.ratio(_column(having, "calls"), each, weights)
        case "retry":
            return estimates.ratio(_column(having, "retry_ns"), each, weights)
        case _:
            return estimates.ratio(blamed, each, weights)


def _column(rows: pa.Table, name: str) -> npt.NDArray[np.int64]:
    values: npt.NDArray[np.int64] = rows[name].to_numpy()
    return values


def _weights(rows: pa.Table) -> Weights:
    thresholds = _column(rows, "sampling_threshold")
    weights = {int(said): sampling.weight(int(said)) for said in np.unique(thresholds)}
    return [
        (weight, np.isin(thresholds, [said for said, same in weights.items() if same == weight]))
        for weight in sorted(set(weights.values()))
    ]


def _near(
    condition: Condition, attribution: Attribution, chosen: Selection, detached: bool
) -> Iterator[str]:
    """For each key of the condition that fits nothing, what there is that reads like it."""
    everything = replace(chosen, route=None, outcome=None, service=None)
    ledger = attribution.ledger(everything, detached=detached)
    asked = asdict(condition.cells) | {"route": condition.route}
    for key, pattern in asked.items():
        if pattern is None:
            continue
        known = sorted({group.key[0] for group in ledger.group_by(key)})
        if any(glob(pattern).fullmatch(text) for text in known):
            continue
        by_lower = {text.lower(): text for text in known}
        close = get_close_matches(pattern.lower(), by_lower, n=_SUGGESTIONS, cutoff=0.4)
        for text in [by_lower[found] for found in close] or known[:_SUGGESTIONS]:
            yield f"{key}={text}"
