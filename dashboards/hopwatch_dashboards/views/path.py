"""The request path: every hop and every gap once, callers before those they call."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from hopwatch.attribution import Ledger

ARROW: Final = " -> "


@dataclass(frozen=True, slots=True)
class Step:
    """One hop (or gap) of the path: what it adds to the mean request. `language` is `-` for
    what is no code of ours; `caller` is empty where nothing called it."""

    hop: str
    caller: str
    language: str
    kind: str
    ns: int  # summed over all requests, sampled ones as often as they stand for
    calls: int

    @property
    def callee(self) -> str:
        """A gap's far end; empty for other kinds."""
        return self.hop.removeprefix(self.caller + ARROW) if self.kind == "gap" else ""


def request_path(ledger: Ledger) -> tuple[Step, ...]:
    """The path in order; the steps' ns add up to the ledger's total.

    A service's own work stands before its waits, then its database calls, then each way to
    another service with what lies behind it. Circles of calls are cut where they close.
    """
    steps = _steps(ledger)
    places = {(step.hop, step.kind) for step in steps}
    behind: dict[str, list[Step]] = {}
    owners: dict[str, list[Step]] = {}
    for step in steps:
        if step.kind in ("self", "wait"):
            owners.setdefault(step.hop, []).append(step)
        else:
            behind.setdefault(step.caller, []).append(step)
    services = _callers_first(behind, owners)
    ordered: list[Step] = []
    for service in services:
        ordered += sorted(owners.get(service, ()), key=lambda s: (s.kind != "self", s.language))
        ordered += sorted(behind.get(service, ()), key=lambda s: (s.kind == "gap", -s.ns, s.hop))
    assert len(places) <= len(ordered) == len(steps)
    return tuple(ordered)


def _steps(ledger: Ledger) -> list[Step]:
    """One step per hop, language and kind; a gap's or database's caller is its only or its
    dearest one."""
    callers: dict[tuple[str, str, str], str] = {}
    sums: dict[tuple[str, str, str], tuple[Fraction, Fraction]] = {}
    for group in ledger.weighted_by("hop", "language", "kind", "caller"):  # most blamed first
        *row, caller = group.key
        key = (row[0], row[1], row[2])
        callers.setdefault(key, caller)
        ns, calls = sums.get(key, (Fraction(0), Fraction(0)))
        sums[key] = (ns + group.blamed_ns, calls + group.calls)
    return [
        Step(key[0], callers[key], key[1], key[2], round(ns), round(calls))
        for key, (ns, calls) in sums.items()
        if ns or calls
    ]


def _callers_first(behind: dict[str, list[Step]], owners: dict[str, list[Step]]) -> list[str]:
    """Services in reverse postorder of a depth-first walk: none before its callers."""
    called = {step.callee for steps in behind.values() for step in steps if step.callee}
    names = sorted(owners.keys() | behind.keys())
    roots = [name for name in names if name not in called]
    seen: set[str] = set()
    finished: list[str] = []
    for root in [*reversed(roots), *names]:
        stack = [(root, False)]
        while stack:
            name, done = stack.pop()
            if done:
                finished.append(name)
            elif name not in seen:
                seen.add(name)
                stack.append((name, True))
                callees = sorted(
                    (s for s in behind.get(name, ()) if s.callee), key=lambda s: (-s.ns, s.hop)
                )
                stack.extend((step.callee, False) for step in callees)
    known = set(names)
    return [name for name in reversed(finished) if name in known]
