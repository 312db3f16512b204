"""Which cell of the ledger a span's own time goes to: kind x hop x language x operation.

The first kind that fits, in this order (attribution.md section 3):

    wait       the span stands for waiting for a resource (a pool, a lock)
    gap        a synchronous child runs in another process: what the child does not explain is
               network, connection, queueing before the handler, serialisation
    db         a CLIENT of a database, as its caller sees it
    messaging  a PRODUCER, or a CLIENT of a broker
    remote     any other CLIENT without children: a peer without instrumentation
    self       everything else: the service's own work
"""

from __future__ import annotations

from typing import NamedTuple

from hopwatch import semconv
from hopwatch.attribution.model import Span


class Cell(NamedTuple):
    """A cell's key. `caller` is the hop that called; empty where nothing did. A gap's hop is
    the edge `caller -> callee`; language is `-` for what is no code of ours."""

    hop: str
    caller: str
    language: str
    version: str
    kind: str
    operation: str


def ledger_order(cell: Cell) -> tuple[str, ...]:
    """What the cells of a ledger are sorted by."""
    return (cell.caller, cell.hop, cell.operation, cell.language, cell.version, cell.kind)


def classify(span: Span, caller: str, extra_waits: frozenset[str]) -> Cell:
    """The cell of `span`, whose service was called by hop `caller` (empty: by none)."""
    operation = semconv.operation(span.name, span.fields)
    foreign = {
        "caller": span.hop,
        "language": semconv.NO_LANGUAGE,
        "version": "",
        "operation": operation,
    }
    if semconv.is_wait(span.name, extra_waits):
        return Cell(span.hop, caller, span.language, span.version, "wait", operation)
    # Of several the longest: which came first depends on clocks.
    remote = (child for child in span.all_children if child.is_remote_to(span))
    callee = max(remote, key=lambda child: child.duration, default=None)
    if callee is not None:
        return Cell(hop=f"{span.hop} -> {callee.hop}", kind="gap", **foreign)
    if span.kind == "CLIENT" and "db_system" in span.fields:
        return Cell(hop=semconv.database(span.fields), kind="db", **foreign)
    if span.kind == "PRODUCER" or (span.kind == "CLIENT" and "messaging_system" in span.fields):
        return Cell(hop=semconv.broker(span.fields), kind="messaging", **foreign)
    if span.kind == "CLIENT" and not span.all_children:
        return Cell(hop=semconv.peer(span.fields), kind="remote", **foreign)
    return Cell(span.hop, caller, span.language, span.version, "self", operation)


def enters_hop(span: Span, kind: str) -> bool:
    """Whether this span is a call to its cell's hop, not a step inside one."""
    return kind != "self" or span.parent is None or span.is_remote_to(span.parent)


def route(root: Span) -> str:
    """What kind of request a unit is: method and route, RPC, or a template of the name."""
    return semconv.operation(root.name, root.fields) or semconv.UNKNOWN


def outcome(root: Span) -> str:
    """`error` where the unit's root failed, else `ok`."""
    return "error" if semconv.is_failure(root.status, root.fields) else "ok"
