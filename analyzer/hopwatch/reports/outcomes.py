"""Success and failure apart: how many failed, where they spend their time, where they began to
fail; and the time that retries took. As lines of text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from hopwatch.attribution import Ledger, sampling
from hopwatch.attribution.quantile import at_mean
from hopwatch.checks import estimates
from hopwatch.checks.estimates import Estimate
from hopwatch.reports.numbers import count, duration
from hopwatch.reports.text import plain, shorten

_KEYS: Final = ("hop", "language", "kind")
_SHOWN: Final = 3
_NAME_WIDTH: Final = 60


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests began to fail: a cell's hop and kind, how many did, one of these."""

    hop: str
    kind: str
    requests: int
    exemplar: bytes


def origins(failures: pa.Table) -> list[Origin]:
    """Of a table of failures (`attribution.failures`), most first."""
    grouped = failures.group_by(["hop", "kind"]).aggregate(
        [("trace_id", "count"), ("trace_id", "min")]
    )
    found = [
        Origin(row["hop"], row["kind"], row["trace_id_count"], row["trace_id_min"])
        for row in grouped.to_pylist()
    ]
    return sorted(found, key=lambda origin: (-origin.requests, origin.hop, origin.kind))


def of_outcome(ledger: Ledger, outcome: str) -> Ledger:
    """The part of a ledger that is of requests of this outcome; its quality is not told apart."""
    cells, requests = (
        table.filter(pc.equal(table["outcome"], outcome))
        for table in (ledger.cells, ledger.requests)
    )
    return replace(ledger, cells=cells, requests=requests, quality={})


def retries(ledger: Ledger) -> list[tuple[str, int]]:
    """ns in repeated attempts and between attempts, by hop, most first; those that have any."""
    found = [(group.key[0], group.retry_ns) for group in ledger.group_by("hop") if group.retry_ns]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def print_outcomes(console: Console, ledger: Ledger, failures: pa.Table) -> None:
    """Prints what there is to say of failures and retries; nothing where there were none."""
    failed = list(_failures_said(ledger, failures))
    repeated = list(_retries_said(ledger))
    for title, lines in (("Failures", failed), ("Retries", repeated)):
        if lines:
            console.print(Text(f"\n{title}", style="bold"))
        for line in lines:
            console.print(Padding(Text(plain(line)), (0, 0, 0, 2)))


def _failures_said(ledger: Ledger, failures: pa.Table) -> Iterator[str]:
    failed, n = ledger.failed_count, ledger.request_count
    if not failed:
        return
    rate = _failure_rate(ledger)
    assert rate.low is not None
    assert rate.high is not None
    yield (
        f"{failed:,} of {count(n, 'request')} failed: {float(rate.value):.3%} "
        f"(95% interval {rate.low:.3%} to {rate.high:.3%})."
    )
    if failed < n:
        yield _compared(of_outcome(ledger, "error"), of_outcome(ledger, "ok"))
    found = origins(failures)
    shown = [f"{_name(o.hop)} {o.kind} ({o.requests:,})" for o in found[:_SHOWN]]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    yield f"Errors first seen in {', '.join(shown)}{more}; see trace {found[0].exemplar.hex()}."


def _failure_rate(ledger: Ledger) -> Estimate:
    counts: dict[Fraction, Counter[str]] = {}
    for row in ledger.requests.select(["sampling_threshold", "outcome", "requests"]).to_pylist():
        weight = sampling.weight(row["sampling_threshold"])
        counts.setdefault(weight, Counter())[row["outcome"]] += row["requests"]
    return estimates.rate_of(
        [(weight, found["error"], found.total()) for weight, found in sorted(counts.items())]
    )


def _compared(failed: Ledger, fine: Ledger) -> str:
    means = [at_mean(ledger, *_KEYS) for ledger in (failed, fine)]
    in_failed, in_fine = ({share.key: share.ns for share in mean.shares} for mean in means)
    failed_ns, fine_ns = (mean.total_ns for mean in means)
    slower = failed_ns > fine_ns
    sign = 1 if slower else -1
    differences = {
        key: sign * (in_failed.get(key, 0) - in_fine.get(key, 0)) for key in in_failed | in_fine
    }
    most = sorted(differences, key=lambda key: (-differences[key], key))[:_SHOWN]
    named = [
        f"{_name(key[0])} {key[2]} {'+' if slower else '-'}{duration(differences[key])}"
        for key in most
        if differences[key] > 0
    ]
    where = f": {', '.join(named)}" if named else ""
    return (
        f"A failed one takes {duration(failed_ns)} at the mean, one that succeeds "
        f"{duration(fine_ns)}{where}."
    )


def _retries_said(ledger: Ledger) -> Iterator[str]:
    shares = at_mean(ledger, "hop").shares
    found = sorted((-share.retry_ns, share.key[0]) for share in shares if share.retry_ns)
    if not found:
        return
    total = -sum(ns for ns, _ in found)
    shown = [f"{_name(hop)} {duration(-ns)}" for ns, hop in found[:_SHOWN]]
    more = f" and {len(found) - _SHOWN} more hops" if len(found) > _SHOWN else ""
    yield (
        f"Repeated attempts and the pauses between take {duration(total)} of a "
        f"request's time: {', '.join(shown)}{more}."
    )


def _name(hop: str) -> str:
    return shorten(hop, _NAME_WIDTH)


def outcome_documents(ledger: Ledger, failures: pa.Table) -> dict[str, Any]:
    """`outcomes` and `retries` of `hopwatch.ledger/1`."""
    counts = Counter(ledger.requests["outcome"].to_pylist())
    documents = {outcome: _outcome(of_outcome(ledger, outcome)) for outcome in sorted(counts)}
    if "error" in documents:
        documents["error"]["first_seen_in"] = [
            {
                "hop": origin.hop,
                "kind": origin.kind,
                "requests": origin.requests,
                "exemplar": origin.exemplar.hex(),
            }
            for origin in origins(failures)
        ]
    return {
        "outcomes": documents,
        "retries": [{"hop": hop, "total_ns": ns} for hop, ns in retries(ledger)],
    }


def _outcome(ledger: Ledger) -> dict[str, Any]:
    return {
        "requests": ledger.request_count,
        "total_ns": ledger.total_ns,
        "mean_ns": ledger.mean_ns,
        "cells": [
            {
                "hop": group.key[0],
                "language": group.key[1],
                "kind": group.key[2],
                "total_ns": group.blamed_ns,
                "calls": group.calls,
            }
            for group in ledger.group_by(*_KEYS)
        ],
    }
