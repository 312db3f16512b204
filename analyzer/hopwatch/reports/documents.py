"""Results as JSON documents: a contract, checked against the schemas beside this file."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any, Final

import pyarrow as pa

from hopwatch import semconv
from hopwatch.attribution import Attribution, Ledger, UnitTime, sampling
from hopwatch.attribution.model import Span
from hopwatch.attribution.units import SpanTime
from hopwatch.checks.comparing import JudgedCheck
from hopwatch.comparison import Comparison
from hopwatch.quality import Quality, trust_sentence
from hopwatch.reports.numbers import apportion
from hopwatch.spans import decode_value

LEDGER_SCHEMA: Final = "hopwatch.ledger/1"
QUALITY_SCHEMA: Final = "hopwatch.quality/1"
PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


def ledger_document(ledger: Ledger) -> dict[str, Any]:
    """A ledger as `hopwatch.ledger/1`. Times are integer ns (the mean a float); the cells'
    total_ns add up to total_ns. Sums and counts are of what was kept; the mean and percentiles
    count each request as often as it stands for. A cell's time lies in [low_ns, high_ns]: children
    that were not chosen, and missing spans, may account for the difference."""
    points = {name: ledger.percentile(q) for name, q in PERCENTILES.items()}
    exemplars = {name: ledger.exemplar(q) for name, q in PERCENTILES.items()}
    return {
        "schema": LEDGER_SCHEMA,
        "requests": ledger.request_count,
        "failed": ledger.failed_count,
        "total_ns": ledger.total_ns,
        "mean_ns": ledger.mean_ns,
        "percentiles": {name: point and point.value for name, point in points.items()},
        "percentile_intervals": {
            name: point and [point.low, point.high] for name, point in points.items()
        },
        "exemplars": {name: trace and trace.hex() for name, trace in exemplars.items()},
        "cells": [
            {
                "hop": group.key[0],
                "caller": group.key[1],
                "language": group.key[2],
                "kind": group.key[3],
                "total_ns": group.blamed_ns,
                "calls": group.calls,
                "low_ns": group.low_ns,
                "high_ns": group.blamed_ns,
                "local_ns": group.local_ns,
                "retry_ns": group.retry_ns,
                "spans": group.spans,
            }
            for group in ledger.group_by("hop", "caller", "language", "kind")
        ],
        "sampling": _sampling_document(ledger) if ledger.is_weighted else None,
        "quality": ledger.quality,
    }


def _sampling_document(ledger: Ledger) -> dict[str, Any]:
    """What the requests that were kept stand for. The cells' total_ns add up to total_ns."""
    groups = ledger.weighted_by("hop", "caller", "language", "kind")
    total_ns = round(ledger.weighted_total_ns)
    whole = apportion([group.blamed_ns for group in groups], total_ns)
    kept = ledger.requests.group_by("sampling_threshold").aggregate([("requests", "sum")])
    return {
        "requests": float(ledger.weighted_requests),
        "failed": float(ledger.weighted_failed),
        "total_ns": total_ns,
        "probabilities": [
            {
                "probability": None if threshold < 0 else float(1 / sampling.weight(threshold)),
                "requests": requests,
            }
            for threshold, requests in sorted(
                zip(*(kept[name].to_pylist() for name in kept.column_names), strict=True)
            )
        ],
        "cells": [
            {
                **dict(zip(("hop", "caller", "language", "kind"), group.key, strict=True)),
                "total_ns": ns,
                "calls": float(group.calls),
            }
            for group, ns in zip(groups, whole, strict=True)
        ],
    }


def unit_document(unit: UnitTime) -> dict[str, Any]:
    """One attributed root: `hopwatch report --per-trace --json` prints one a line."""
    cells: dict[tuple[str, str, str, str], int] = {}
    for cell, ns in unit.cells().items():
        key = (cell.hop, cell.caller, cell.language, cell.kind)
        cells[key] = cells.get(key, 0) + ns
    return {
        "trace_id": unit.trace.trace_id.hex(),
        "root_span_id": span_id(unit.unit.root),
        "route": unit.route,
        "outcome": unit.outcome,
        "start_unix_nano": unit.unit.root.start,
        "duration_ns": unit.duration,
        "cells": [
            {"hop": hop, "caller": caller, "language": language, "kind": kind, "ns": ns}
            for (hop, caller, language, kind), ns in sorted(
                cells.items(), key=lambda item: (-item[1], item[0])
            )
        ],
        "spans": [_span_document(time) for time in unit.spans],
        "flags": unit.flags(),
        "fragments": [span_id(fragment.root) for fragment in unit.trace.fragments],
        "detached": [span_id(detached.root) for detached in unit.trace.detached],
    }


def trace_document(attribution: Attribution, logs: pa.Table | None = None) -> dict[str, Any]:
    """One trace: its requests, its asynchronous work, its fragments; and its log records, if
    there is a table of them."""
    document = {
        "schema": "hopwatch.trace/1",
        "requests": [unit_document(unit) for unit in attribution.requests()],
        "detached": [unit_document(unit) for unit in attribution.detached()],
        "fragments": [unit_document(unit) for unit in attribution.fragments()],
    }
    if logs is not None:
        document["logs"] = [_log_document(row) for row in logs.to_pylist()]
    return document


def _log_document(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "time_unix_nano": row["time_unix_nano"],
        "observed_time_unix_nano": row["observed_time_unix_nano"],
        "span_id": row["span_id"] and row["span_id"].hex(),
        "severity_number": row["severity_number"],
        "severity_text": row["severity_text"],
        "service": semconv.hop(row["service_name"], row["service_namespace"]),
        "event_name": row["event_name"],
        "body": _json_value(decode_value(row["body"], row["body_type"])),
        "attributes": {
            key: _json_value(decode_value(text, letter))
            for (key, text), letter in zip(
                row["log_attributes"], row["log_attribute_types"], strict=True
            )
        },
    }


def _json_value(value: Any) -> Any:
    """An attribute's value as strict JSON has it: bytes as base64, NaN and infinities as text."""
    match value:
        case float() if not isfinite(value):
            return json.dumps(value)
        case bytes():
            return b64encode(value).decode("ascii")
        case list():
            return [_json_value(item) for item in value]
        case dict():
            return {key: _json_value(item) for key, item in value.items()}
    return value


def _span_document(time: SpanTime) -> dict[str, Any]:
    return {
        "span_id": span_id(time.span),
        "own_ns": time.own,
        "concurrent_ns": time.concurrent,
        "local_ns": time.local,
        "hidden_ns": time.hidden,
        "retry_ns": time.retry,
        "flags": sorted(time.span.flags),
    }


def span_id(span: Span) -> str:
    """Hex id; `/server` behind it for the server's half of a shared (Zipkin) id."""
    return span.id[:8].hex() + ("/server" if "shared_id" in span.flags else "")


def comparison_document(
    found: Comparison,
    sources: tuple[str, str],
    checks: Sequence[JudgedCheck],
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """A comparison as `hopwatch.comparison/1` (see `Comparison.document`), with where both sides
    are from in words, its judged checks, and notes on what was read."""
    document = found.document()
    for side, source in zip(("before", "after"), sources, strict=True):
        document[side]["source"] = source
    document["checks"] = [
        {
            "name": judged.check.name,
            "route": judged.check.route,
            "outcome": judged.check.outcome,
            "hop": judged.subject or judged.check.hop,
            "statistic": judged.check.statistic,
            "verdict": judged.verdict,
            "change": judged.change,
            "low": judged.low,
            "high": judged.high,
            "confidence": judged.confidence,
            "words": judged.words,
        }
        for judged in checks
    ]
    document["notes"] = list(notes)
    return document


def quality_document(quality: Quality) -> dict[str, Any]:
    """The quality of the data as `hopwatch.quality/1`. Times are Unix ns, null where there is
    nothing."""
    inventory = quality.inventory
    return {
        "schema": QUALITY_SCHEMA,
        "sound": quality.sound,
        "source": inventory.source,
        "stored": [asdict(stored) for stored in inventory.stored],
        "services": [asdict(service) for service in inventory.services],
        "left_out": [asdict(entry) for entry in inventory.left_out],
        "examined": {
            "spans": quality.spans,
            "traces": quality.traces,
            "requests": quality.requests,
            "start_ns": quality.start_ns,
            "end_ns": quality.end_ns,
            "process_pairs": quality.pairs,
        },
        "trust": {
            **asdict(quality.trust),
            "certain_ns": quality.trust.certain_ns,
            "sentence": trust_sentence(quality.trust),
        },
        "findings": [asdict(finding) for finding in quality.findings],
        "clocks": quality.clocks.to_pylist(),
    }
