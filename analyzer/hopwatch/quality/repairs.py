"""What attribution had to repair, or could not know: counted in `Ledger.quality`, said here in
words, with traces to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa

from hopwatch.attribution import Ledger
from hopwatch.quality.model import MOST_EXAMPLES, Finding, Level


@dataclass(frozen=True, slots=True)
class _Rule:
    """A count of `Ledger.quality`, when it is worth saying, and how."""

    count: str
    of: str | None
    unit: str
    level: Level
    sentence: str
    advice: str
    problem_above: float = 1.0
    """The share above which it is a problem."""


_RULES: Final[Mapping[str, _Rule]] = {
    "incomplete_traces": _Rule(
        "incomplete_traces",
        "traces",
        "traces",
        "warning",
        "Incomplete traces: {count} of {of}. A span names a parent that is not there, so what hangs"
        " below it (fragments: {fragments}) cannot be placed, and the time it covers may be blamed"
        " on its caller.",
        "Look whether an exporter drops spans (full queue, no flush at exit), whether a service"
        " between is not instrumented or does not pass on `traceparent`, and whether services"
        " sample differently.",
        problem_above=0.1,
    ),
    "traces_without_root": _Rule(
        "traces_without_root",
        "traces",
        "traces",
        "warning",
        "Traces without a first span: {count} of {of}. They are not among the requests.",
        "Look whether the entry service exports its spans, and whether the window cuts traces off.",
        problem_above=0.1,
    ),
    "duplicates": _Rule(
        "duplicate",
        "spans",
        "spans",
        "note",
        "Copies of spans: {count}. Each span is counted once.",
        "Nothing: exporters that lose an answer send again. If it goes on, look for two pipelines"
        " to the same place.",
    ),
    "conflicting_copies": _Rule(
        "conflicting_copies",
        "spans",
        "spans",
        "warning",
        "Spans that share their id with another one that differs: {count}. They were merged, from"
        " the earliest start to the latest end.",
        "Look for a generator of span ids that repeats itself (a seed that is copied when a"
        " process forks).",
    ),
    "negative_duration": _Rule(
        "negative_duration",
        "spans",
        "spans",
        "warning",
        "Spans that end before they start: {count}. They count as zero long.",
        "Use a monotonic clock for durations where they come from, or a newer SDK.",
        problem_above=0.01,
    ),
    "cycles": _Rule(
        "cycle",
        None,
        "cycles",
        "problem",
        "Circles of spans that are their own ancestors: {count}. They were cut open.",
        "Look for code that sets a span's parent by hand.",
    ),
    "clock_steps": _Rule(
        "clock_steps",
        None,
        "steps",
        "warning",
        "Times that a clock seems to have been set while the spans were taken: {count}. Offsets"
        " before and after do not agree.",
        "Let NTP slew clocks instead of stepping them. Gaps between services are not touched: no"
        " clock offset enters them.",
    ),
    "clock_conflicts": _Rule(
        "clock_conflict",
        "spans",
        "spans",
        "warning",
        "Calls that do not fit the clock offset which all other calls between their processes show:"
        " {count}. They were placed by their own stamps.",
        "Look at one of them: a queue or a proxy may answer for the server, or two hosts share one"
        " service.instance.id.",
        problem_above=0.05,
    ),
    "outlives": _Rule(
        "outlives",
        "spans",
        "spans",
        "note",
        "Spans that go on after their caller has stopped waiting: {count}. Only the part that was"
        " waited for counts.",
        "Nothing if the callers time out or fire and forget on purpose.",
    ),
    "detached": _Rule(
        "detached_units",
        None,
        "units of work",
        "note",
        "Pieces of asynchronous work (consumers): {count}. They are no part of a request's time.",
        "See their own ledger: `hopwatch report --detached`.",
    ),
    "no_client_span": _Rule(
        "no_client_span",
        "spans",
        "spans",
        "note",
        "Spans with calls but without client spans around them: {count}. The way to the callee"
        " cannot be told from the caller's own work.",
        "Instrument the client library that makes these calls.",
    ),
    "absurd_duration": _Rule(
        "absurd_duration",
        None,
        "requests",
        "problem",
        "Requests that seem to have taken more than 30 days: {count}. They are left out.",
        "Look for a wrong clock or a unit other than nanoseconds where they come from.",
    ),
}

_ORPHANS: Final = """
SELECT lower(hex(trace_id)) AS trace, count(*) OVER () AS n FROM spans
WHERE parent_span_id IS NOT NULL AND parent_span_id <> unhex('0000000000000000')
    AND NOT EXISTS (
        SELECT 1 FROM spans AS parents
        WHERE parents.trace_id = spans.trace_id AND parents.span_id = spans.parent_span_id
    )
GROUP BY trace_id ORDER BY trace LIMIT $limit
"""
_NEGATIVE_GAPS: Final = """
SELECT lower(hex(server.trace_id)) AS trace, count(*) OVER () AS n,
    server.duration_nano - client.duration_nano AS by_ns
FROM spans AS server JOIN spans AS client
    ON client.trace_id = server.trace_id AND client.span_id = server.parent_span_id
WHERE client.kind = 'CLIENT' AND server.kind = 'SERVER'
    AND server.duration_nano > client.duration_nano
ORDER BY by_ns DESC, trace LIMIT $limit
"""
_CALLS: Final = "SELECT count(*) FROM spans WHERE kind = 'SERVER' AND parent_span_id IS NOT NULL"


def findings(table: pa.Table, ledger: Ledger) -> Iterator[Finding]:
    """What is odd about the traces of a span table, whose ledger `ledger` is."""
    counts = {"traces": 0, "fragments": 0, **ledger.quality, "spans": table.num_rows}
    with duckdb.connect() as connection:
        names = ["trace_id", "span_id", "parent_span_id", "kind", "duration_nano"]
        connection.register("spans", table.select(names))
        for code, rule in _RULES.items():
            if not counts.get(rule.count):
                continue
            examples: tuple[str, ...] = ()
            if rule.count == "incomplete_traces":
                rows = connection.execute(_ORPHANS, {"limit": MOST_EXAMPLES}).fetchall()
                examples = tuple(row[0] for row in rows)
            yield _finding(code, rule, counts, examples)
        yield from _negative_gaps(connection)


def _finding(
    code: str, rule: _Rule, counts: Mapping[str, int], examples: tuple[str, ...]
) -> Finding:
    count = counts[rule.count]
    of = None if rule.of is None else counts[rule.of]
    level = "problem" if of and count > rule.problem_above * of else rule.level
    words = rule.sentence.format(
        count=f"{count:,}",
        of=f"{of:,}" if of is not None else "",
        fragments=f"{counts['fragments']:,}",
    )
    return Finding(
        code,
        level,
        count,
        of,
        rule.unit,
        words,
        rule.advice,
        examples,
        "trace" if examples else "",
    )


def _negative_gaps(connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    rows = connection.execute(_NEGATIVE_GAPS, {"limit": MOST_EXAMPLES}).fetchall()
    if not rows:
        return
    found = connection.execute(_CALLS).fetchone()
    calls = found[0] if found else 0
    count, most_ns = rows[0][1], rows[0][2]
    yield Finding(
        "negative_gaps",
        "warning" if count > 0.01 * calls else "note",
        count,
        calls,
        "calls",
        f"Calls whose server took longer than its client waited: {count:,} of {calls:,}, by up to"
        f" {most_ns / 1e6:,.3f} ms. The client gave up early, or one of the two stamps its spans"
        " coarsely. Their gap counts as zero.",
        "Nothing if clients time out; else have both stamp their spans finer than milliseconds.",
        tuple(dict.fromkeys(row[0] for row in rows)),
        "trace",
    )
