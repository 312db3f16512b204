"""Keeps what a lab's requests told, so that a class without a stack can look for the fault."""

import gzip
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console

from hopwatch.formats.otlp_json_writer import log_lines, trace_lines
from hopwatch.store import open_reader

from .. import labs, toolchains
from ..errors import StackError
from ..load.conductor import put_on
from ..load.plan import LoadPlan
from ..settings import Ports
from ..waiting import wait_until_settled
from .lab import Lab

# Committed beside code, a recording is to be small; a ledger of some hundred requests is enough.
MAX_BYTES = 300_000
RATE = 8.0
SECONDS = 40.0
VISITS = 4
# The shop has seen the lab's file, and its absence, within a second.
SEEN_SECONDS = 1.5
SETTLE_SECONDS = 20.0
# Of the traces, so many fewer each time until they fit.
SMALLER = 0.9


@dataclass(frozen=True)
class Recording:
    """What was written; `faulty` counts the traces in which a service says that it obeyed."""

    traces: int
    faulty: int
    spans: int
    logs: int
    size: int


def record(
    state_dir: Path, store: Path, ports: Ports, lab: Lab, output: Path, console: Console
) -> Recording:
    """Runs the lab under load and writes its traces and their logs as gzipped lines of OTLP/JSON,
    at most MAX_BYTES. Raises StackError when the stack does not obey labs, or nothing obeyed."""
    labs.start(state_dir, lab.name)
    try:
        time.sleep(SEEN_SECONDS)
        begin = time.time_ns()
        put_on(
            LoadPlan(
                shop_url=f"http://127.0.0.1:{ports.shop}",
                otlp_url=f"http://127.0.0.1:{ports.otlp_http}",
                rate=RATE,
                seconds=SECONDS,
                visits=_possible_visits(),
            ),
            console,
        )
        end = time.time_ns()
    finally:
        labs.stop(state_dir)
    wait_until_settled(store, SETTLE_SECONDS)
    with open_reader(store) as reader:
        spans = reader.window(begin, end)
        logs = reader.logs(start=begin, end=end)
    return write(lab, spans, logs, output)


def write(lab: Lab, spans: pa.Table, logs: pa.Table, output: Path) -> Recording:
    """Writes as many whole traces as fit, evenly spread, with the logs that belong to them."""
    faulty = _faulty(lab, spans)
    if not faulty:
        raise StackError(f"no request carries {lab.name}: does the stack obey labs?")
    trace_ids: Sequence[bytes] = pc.unique(spans["trace_id"]).to_pylist()
    wanted = len(trace_ids)
    while True:
        step = len(trace_ids) / wanted
        chosen = pa.array([trace_ids[int(n * step)] for n in range(wanted)], pa.binary(16))
        kept = spans.filter(pc.is_in(spans["trace_id"], chosen))
        kept_logs = logs.filter(pc.is_in(logs["trace_id"], chosen))
        lines = [*trace_lines(kept), *log_lines(kept_logs)]
        # Without a time in its head, the same recording has the same bytes.
        packed = gzip.compress("\n".join([*lines, ""]).encode(), mtime=0)
        if len(packed) <= MAX_BYTES:
            break
        wanted = int(wanted * SMALLER)
    output.write_bytes(packed)
    return Recording(
        traces=wanted,
        faulty=len(faulty.intersection(chosen.to_pylist())),
        spans=kept.num_rows,
        logs=kept_logs.num_rows,
        size=len(packed),
    )


def _faulty(lab: Lab, spans: pa.Table) -> set[bytes]:
    """Traces in which a SERVER span says that the fault was injected."""
    servers = spans.filter(pc.equal(spans["kind"].cast(pa.string()), "SERVER"))
    rows = servers.select(["trace_id", "span_attributes"]).to_pylist()
    return {row["trace_id"] for row in rows if lab.obeyed(dict(row["span_attributes"] or ()))}


def _possible_visits() -> int:
    try:
        toolchains.find("chromium")
    except StackError:
        return 0
    return VISITS
