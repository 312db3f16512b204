"""The ledger's table: what a request spends, by some keys, at the mean or at a percentile."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Final

from hopwatch.attribution import Ledger
from hopwatch.attribution.long_table import LongTable, exact
from hopwatch.attribution.quantile import (
    Breakdown,
    Share,
    TooFewRequestsError,
    at_mean,
    at_quantile,
    of_slowest,
)
from hopwatch.reports.numbers import apportion, scale_for

KEYS: Final = (
    "hop", "language", "kind", "caller", "operation", "route", "version", "outcome",
)  # fmt: skip
DEFAULT_KEYS: Final = ("hop", "language", "kind")
MEAN: Final = "mean"
SLOWEST: Final = "slowest"
"""The mean of the slowest 1 %."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it is shown: figures of all rows add up to the table's as they are printed."""

    key: tuple[str, ...]
    time: str
    at_least: str  # empty where the time is no range
    share: str
    calls: str
    ns: int


@dataclass(frozen=True, slots=True)
class Table:
    """A breakdown, ready to show. `unit`: of all times. `basis`: what it is of, in words;
    `note`: why it is not what was asked for, empty where it is."""

    keys: tuple[str, ...]
    unit: str
    rows: tuple[Row, ...]
    total: str
    total_ns: int
    basis: str
    note: str


def quantile_of(word: str) -> float | None:
    """`p95` -> 0.95; None for the mean. Raises ValueError for what is neither."""
    if word == MEAN:
        return None
    if not word.startswith("p"):
        raise ValueError(word)
    q = round(float(word[1:]) / 100, 9)  # 0.999 for p99.9, as it is written
    if not 0 < q < 1:
        raise ValueError(word)
    return q


def is_statistic(word: str) -> bool:
    """Whether there is such a statistic: the mean, a percentile, the slowest."""
    try:
        quantile_of(percentile_of(word))
    except ValueError:
        return False
    return True


def spoken(word: str) -> str:
    """How a statistic is called."""
    return "the slowest 1 %" if word == SLOWEST else "the mean" if word == MEAN else word


def percentile_of(word: str) -> str:
    """The statistic, or for the slowest the percentile in their middle."""
    return "p99.5" if word == SLOWEST else word


def broken_down(ledger: LongTable, at: str, keys: tuple[str, ...]) -> tuple[Breakdown, str, str]:
    """The breakdown at `at` (`SLOWEST`, or see `quantile_of`), what it is of, and a note.

    A percentile that too few requests have gives the mean of the slowest instead, and says so.
    """
    n = ledger.request_count
    if at == SLOWEST:
        return of_slowest(ledger, 0.01, *keys), _slowest(ledger, 0.01), ""
    q = quantile_of(at)
    if q is None:
        return at_mean(ledger, *keys), f"the mean of {n:,} requests{_standing_for(ledger)}", ""
    try:
        found = at_quantile(ledger, q, *keys)
    except TooFewRequestsError as error:
        share = round(1 - q, 9)  # as it would be written, which the float is not
        return (
            of_slowest(ledger, share, *keys),
            _slowest(ledger, share),
            f"{at} by hop needs {error.needed:,} requests and there are {counted(ledger)},"
            f" so this is the mean of the slowest {100 * share:.3g} %.",
        )
    return found, f"requests at {at} ({found.requests:,} around it)", ""


def slowest_count(ledger: LongTable, share: float) -> int:
    """How many of the requests that were kept are the slowest `share` of all (see
    `quantile.of_slowest`), at least one."""
    parts = ledger.distribution
    left, count = exact(share) * sum(part.weight for part in parts), 0
    for part in reversed(parts):
        if left <= 0:
            break
        count += ceil(part.requests * min(Fraction(1), left / part.weight))
        left -= part.weight
    return max(1, count)


def counted(ledger: LongTable) -> str:
    """How many requests there are to tell a percentile from."""
    n = f"{ledger.request_count:,}"
    return f"{n} of unequal weight" if len(ledger.weights[0]) > 1 else n


def _standing_for(ledger: LongTable) -> str:
    """How many requests those that were kept stand for; nothing where only for themselves."""
    return f" (sampled of about {round(ledger.weighted_requests):,})" if ledger.is_weighted else ""


def _slowest(ledger: LongTable, share: float) -> str:
    count = slowest_count(ledger, share)
    return f"the mean of the slowest {100 * share:.3g} % of requests ({count:,})"


def table(ledger: Ledger, at: str, keys: tuple[str, ...], most: int = 40) -> Table:
    """The `most` dearest rows apart, the others as one; in figures that add up as printed."""
    found, basis, note = broken_down(ledger, at, keys)
    shares = [share for share in found.shares if share.ns or share.calls]
    if len(shares) > most:
        shares = [*shares[: most - 1], _sum_of(shares[most - 1 :])]
    scale = scale_for(found.total_ns)
    total = scale.ticks(found.total_ns)
    ticks = apportion([share.ns for share in shares], total)
    permille = apportion([share.ns for share in shares], 1000)
    rows = tuple(
        Row(
            key=share.key,
            time=scale.show(tick),
            at_least=scale.show(scale.ticks(share.low_ns))
            if 1000 * share.doubtful_ns >= found.total_ns > 0
            else "",
            share=f"{part / 10:.1f}%",
            calls=f"{share.calls:,.2f}",
            ns=share.ns,
        )
        for share, tick, part in zip(shares, ticks, permille, strict=True)
    )
    return Table(keys, scale.unit, rows, scale.show(total), found.total_ns, basis, note)


def _sum_of(shares: list[Share]) -> Share:
    return Share(
        key=(f"{len(shares)} smaller", *[""] * (len(shares[0].key) - 1)),
        ns=sum(share.ns for share in shares),
        doubtful_ns=sum(share.doubtful_ns for share in shares),
        retry_ns=sum(share.retry_ns for share in shares),
        calls=sum(share.calls for share in shares),
        spans=sum(share.spans for share in shares),
    )
