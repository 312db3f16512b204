"""Requests for tests of the dashboard: a page -> a front end -> a back end -> a database."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from hopwatch.attribution import Ledger, attribute
from tests.spans_dsl import MS, span, table

SECOND = 1000 * MS
BEGIN = 1_700_000_000 * SECOND
HOSTILE = (
    "<script>window.hit=1</script>",
    '"><img src=x onerror="window.hit=1">',
    "[click](javascript:window.hit=1) **bold** `code` :smile: $x^2$",
    "\u202egnp.exe\u2066 \x1b[31mred\x00",
    "x" * 10_000,
)
"""Names that must be shown as they are, and never obeyed."""


def request(
    number: int,
    at: int = 0,
    *,
    back: int = 4 * MS,
    database: int = 2 * MS,
    route: str = "GET /things",
    status: str = "UNSET",
    front_name: str = "front",
    back_name: str = "back",
) -> list[dict[str, Any]]:
    """Spans of one request that begins `at` ns after BEGIN. Beside what is given, 1 ms is the
    front end's own and 1 ms lies between the services."""
    trace, begin = f"t{number}", BEGIN + at
    served = begin + 1 * MS
    query = served + back - database
    end = served + back + 1 * MS
    common = {"trace": trace}
    return [
        span(f"{trace} R", begin, end, service=front_name, kind="SERVER", language="nodejs",
             status=status, span_name=route, **common),
        span(f"{trace} C", begin + MS // 2, end - MS // 2, f"{trace} R", service=front_name,
             kind="CLIENT", language="nodejs", span_name="call", **common),
        span(f"{trace} S", served, served + back, f"{trace} C", service=back_name,
             kind="SERVER", span_name="work", **common),
        span(f"{trace} Q", query, query + database, f"{trace} S", service=back_name,
             kind="CLIENT", span_name="query", db_system="postgresql", db_namespace="shop",
             **common),
    ]  # fmt: skip


def spans_of(*requests: list[dict[str, Any]]) -> pa.Table:
    """One table of them; attribute columns differ from span to span, so rows are completed."""
    return table(*(row for rows in requests for row in rows))


def ledger_of(*requests: list[dict[str, Any]]) -> Ledger:
    return attribute(spans_of(*requests))
