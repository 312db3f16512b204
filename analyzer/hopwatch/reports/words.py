"""What a ledger says, in two sentences."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from hopwatch.attribution.ledger import Ledger
from hopwatch.reports.numbers import duration

_KIND_PHRASES = {
    "self": "own work in {hop}",
    "gap": "what lies between {hop} (network, queueing, serialisation)",
    "db": "the database {hop}",
    "messaging": "the broker {hop}",
    "remote": "the peer {hop}",
    "wait": "waiting for a resource in {hop}",
}


def what_it_says(ledger: Ledger) -> str:
    """Two sentences: the dearest cell, and the split by language; one if there is no time."""
    if not ledger.request_count:
        return "There are no requests here."
    if not ledger.total_ns:
        return "These requests took no time at all: their spans start and end at one instant."
    return f"{what_dominates(ledger)} {_by_language(ledger)}"


def what_dominates(ledger: Ledger) -> str:
    """The dearest cell, in a sentence. The ledger must have time in it."""
    top = ledger.weighted_by("hop", "language", "kind")[0]
    hop, language, kind = top.key
    code = f" ({language})" if language not in ("-", "unknown") else ""
    mean = round(top.blamed_ns / ledger.weighted_requests)
    return (
        f"Of {duration(round(ledger.mean_ns), 3)} a request, {kind_phrase(kind, hop)}{code} "
        f"takes the most: {duration(mean, 3)}, {_share(top.blamed_ns, ledger)}."
    )


def kind_phrase(kind: str, hop: str) -> str:
    """What a cell of this kind stands for: `own work in shop-bff`."""
    return _KIND_PHRASES[kind].format(hop=hop.replace(" -> ", " and "))


def _by_language(ledger: Ledger) -> str:
    sums: dict[str, Fraction] = {}
    for group in ledger.weighted_by("language", "kind"):
        if group.blamed_ns:
            phrase = _clause(*group.key)
            sums[phrase] = sums.get(phrase, Fraction(0)) + group.blamed_ns
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    said = [f"{_share(ns, ledger)} {phrase}" for phrase, ns in ordered]
    if len(said) == 1:
        return f"By language: {said[0]}."
    return f"By language: {', '.join(said[:-1])}, and {said[-1]}."


def _clause(language: str, kind: str) -> str:
    match kind:
        case "self" if language == "unknown":
            return "is own work in code of unknown language"
        case "self":
            return f"is own work in {language}"
        case "gap":
            return "lies between services"
        case "db":
            return "goes to databases"
        case "messaging":
            return "goes to message brokers"
        case "wait":
            return "is waiting for resources"
        case _:
            return "goes to peers without instrumentation"


def _share(ns: Fraction, ledger: Ledger) -> str:
    percent = float(100 * ns / ledger.weighted_total_ns)
    return f"{percent:.0f}%" if percent >= 10 else f"{percent:.1f}%"


def moment(unix_nano: int) -> str:
    """A time of day here, to the second: `2026-11-21 10:15:00+01:00`."""
    return datetime.fromtimestamp(unix_nano / 1e9).astimezone().isoformat(" ", "seconds")
