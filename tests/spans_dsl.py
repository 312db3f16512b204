"""Span tables from a few words, for tests: `span("b", 20, 150, parent="R")`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from hopwatch import spans
from hopwatch.attribution import Attribution, Clocks, Options, UnitTime
from hopwatch.attribution.clocks import Stretch

TRACE = "t"
US = 1_000
MS = 1_000_000


def span_id(name: str) -> bytes:
    return hashlib.sha256(f"span {name}".encode()).digest()[:8]


def trace_id(name: str = TRACE) -> bytes:
    return hashlib.sha256(f"trace {name}".encode()).digest()[:16]


def span(
    name: str,
    start: int,
    end: int,
    parent: str | None = None,
    *,
    service: str = "A",
    kind: str = "INTERNAL",
    language: str = "go",
    trace: str = TRACE,
    status: str = "UNSET",
    instance: str | None = None,
    span_name: str | None = None,
    **attributes: Any,
) -> dict[str, Any]:
    """One row of the span table. In attribute names without a dot, underscores stand for dots."""
    texts = {
        key if "." in key else key.replace("_", "."): spans.encode_value(value)
        for key, value in attributes.items()
    }
    return {
        "trace_id": trace_id(trace),
        "span_id": span_id(name),
        "parent_span_id": span_id(parent) if parent else None,
        "name": span_name or name,
        "kind": kind,
        "start_time_unix_nano": start,
        "duration_nano": end - start,
        "status_code": status,
        "service_name": service,
        "service_instance_id": instance or service,
        "telemetry_sdk_language": language,
        "resource_attributes": [],
        "span_attributes": [(key, text) for key, (text, _) in texts.items()],
        "span_attribute_types": "".join(letter for _, letter in texts.values()),
    }


def table(*rows: dict[str, Any]) -> pa.Table:
    names = rows[0].keys()
    return spans.table_from_columns({name: [row[name] for row in rows] for name in names})


def attributed(*rows: dict[str, Any], tau: int | None = 0) -> UnitTime:
    """The only request among the rows."""
    (unit,) = Attribution(table(*rows), Options(tau_ns=tau)).requests()
    return unit


def own(unit: UnitTime) -> dict[str, int]:
    """Own ns by span name."""
    return {time.span.name: time.own for time in unit.spans}


@dataclass(frozen=True)
class _FixedStretch(Stretch):
    given_kappa: int = 0

    @property
    def kappa(self) -> int:
        return self.given_kappa


class _EveryPair(dict[tuple[int, int], tuple[Stretch, ...]]):
    """The same for every key."""

    def __init__(self, known: tuple[Stretch, ...]) -> None:
        self._known = known

    def get(self, _pair: object, _default: object = None) -> Any:
        return self._known


def FixedClocks(theta: int | None, kappa: int) -> Clocks:  # noqa: N802
    """The same offset and κ for every pair of processes at any time; theta None: unknown."""
    if theta is None:
        return Clocks(_EveryPair(()))
    knots = theta, theta, theta
    return Clocks(_EveryPair((_FixedStretch(0, 0, knots, knots, knots, 0, 0, given_kappa=kappa),)))
