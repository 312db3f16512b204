"""What was left out on the way in, and how fresh what is there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hopwatch import signals
from hopwatch.quality.model import MOST_EXAMPLES, Finding, Level
from hopwatch.store.inventory import Inventory, LeftOut

_STALE_NS: Final = 5 * 60 * 10**9
_MUCH: Final = 0.01
"""More than this share of all that came in is a problem."""

_LOST_WITHOUT: Final = {
    signals.LOGS: "Their traces show no log lines.",
    signals.METRICS: "Their CPU and memory cannot be shown beside their time.",
}
_WORDS: Final[dict[str, tuple[Level, str, str]]] = {
    "rejected": (
        "warning",
        "Invalid {unit}, not stored ({reason}): {count}.",
        "Mend what sends them: the example says what is wrong with one of them.",
    ),
    "refused": (
        "note",
        "Refused {unit}: {count}. The store could not take them at that moment and answered 503;"
        " a good exporter sends them again.",
        "Look into the receiver's log for a full disk or a full memory, and check that exporters"
        " retry.",
    ),
    "duplicate": (
        "note",
        "Duplicate {unit}: {count}. They came in a body that had been stored just before, and"
        " were left out.",
        "Nothing: a sender that lost an answer sends again. If it goes on, look for an exporter"
        " that is set up twice.",
    ),
    "unreadable": (
        "warning",
        "{unit} that could not be read at all ({reason}): {count}. How much was in them is not"
        " known.",
        "Mend what sends them: the example says what is wrong with one of them.",
    ),
    "repaired": (
        "note",
        "Repaired {unit}: {count}. Text that is not UTF-8 has U+FFFD in its place.",
        "Mend what sends them if the text matters.",
    ),
}
"""Outcome -> level, sentence, advice."""


def findings(inventory: Inventory, now_ns: int) -> Iterator[Finding]:
    """What the inventory shows."""
    yield from _empty_or_stale(inventory, now_ns)
    for entry in inventory.left_out:
        if entry.count:
            yield _left_out(entry, inventory, now_ns)
    yield from _silent(inventory)


def _silent(inventory: Inventory) -> Iterator[Finding]:
    """Services that send spans, but not what others send beside them."""
    for signal, lost in _LOST_WITHOUT.items():
        tracing = [service for service in inventory.services if service.spans]
        silent = [service.name for service in tracing if not getattr(service, signal.name)]
        rows = sum(stored.rows for stored in inventory.stored if stored.signal == signal.name)
        if silent and rows:
            yield Finding(
                f"no_{signal.name}",
                "note",
                len(silent),
                len(tracing),
                "services",
                f"Services that send spans but no {signal.name}, which others do: {len(silent)} of"
                f" {len(tracing)}. {lost}",
                f"Let them export {signal.name} by OTLP, with the same service.name and"
                " service.instance.id.",
                tuple(silent[:MOST_EXAMPLES]),
                "service",
            )


def _empty_or_stale(inventory: Inventory, now_ns: int) -> Iterator[Finding]:
    rows = {stored.signal: stored.rows for stored in inventory.stored}
    if not rows[signals.SPANS.name]:
        yield Finding(
            "no_spans",
            "problem",
            0,
            None,
            "spans",
            "There are no spans, so there is nothing to measure.",
            "Send OTLP to `hopwatch serve`, or name files of traces.",
        )
    live = [s for s in inventory.stored if s.file_bytes is not None and s.last_ns is not None]
    ages = {stored.signal: now_ns - (stored.last_ns or 0) for stored in live}
    if ages and min(ages.values()) > _STALE_NS:
        age_ns = min(ages.values())
        yield Finding(
            "stale",
            "note",
            age_ns // 10**9,
            None,
            "seconds",
            f"Nothing has come in for {_age(age_ns)}.",
            "Nothing to do if no traffic is expected now; else check that senders reach the"
            " receiver.",
        )
    for signal, age_ns in ages.items():
        if age_ns < -_STALE_NS:
            yield Finding(
                f"future_{signal}",
                "warning",
                -age_ns // 10**9,
                None,
                "seconds",
                f"The newest {_unit(signal)} are stamped {_age(-age_ns)} in the future: a sender's"
                " clock is wrong, and windows such as --last 5m miss its data.",
                "Set the clock of that machine (NTP).",
            )


def _left_out(entry: LeftOut, inventory: Inventory, now_ns: int) -> Finding:
    level, sentence, advice = _WORDS[entry.outcome]
    of_signal = [s for s in inventory.stored if s.signal == entry.signal]
    stored = sum(s.rows for s in of_signal)
    is_rows = entry.outcome != "unreadable"
    total = stored + (0 if entry.outcome == "repaired" else entry.count)
    if entry.outcome == "rejected" and entry.count > _MUCH * total:
        level = "problem"
    if entry.last_ns is not None and any(entry.last_ns < (s.first_ns or 0) for s in of_signal):
        level = "note"  # what was stored then is gone too
    of_files = entry.first_ns is None
    whole = "Files or lines" if of_files else f"Requests to /v1/{_path(entry.signal)}"
    unit = _unit(entry.signal) if is_rows else whole
    words = sentence.format(
        count=f"{entry.count:,}", unit=unit, reason=entry.reason.replace("_", " ")
    )
    if entry.last_ns is not None:
        words += f" The last one came in {_age(max(0, now_ns - entry.last_ns))} ago."
    code = "_".join(filter(None, (entry.outcome, entry.signal, entry.reason)))
    return Finding(
        code,
        level,
        entry.count,
        max(total, entry.count) if is_rows else None,
        unit,
        words,
        advice,
        (entry.example,) if entry.example else (),
        "text" if entry.example else "",
    )


def _unit(signal: str) -> str:
    known = {known.name: f"{known.item}s" for known in signals.SIGNALS}
    return known.get(signal, "rows")


def _path(signal: str) -> str:
    return {known.name: known.otlp for known in signals.SIGNALS}[signal]


def _age(ns: int) -> str:
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if ns >= 2 * size * 10**9:
            return f"{ns // (size * 10**9)} {unit}"
    return f"{ns // 10**9} seconds"
