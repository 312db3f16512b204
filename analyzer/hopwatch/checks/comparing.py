"""Checks of a comparison, judged: each on the ledgers of its own requests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import Final, Literal, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import Ledger
from hopwatch.attribution.select import glob
from hopwatch.checks.comparison_file import ComparisonCheck
from hopwatch.comparison import Comparison, Judgement, Options, Stated, compare
from hopwatch.comparison.windows import Window

Name = TypeVar("Name", bound=Hashable)
Verdict = Literal["passed", "failed", "unjudged"]
Compared = Callable[[str | None, str | None, Options], Comparison | None]

_SUGGESTIONS: Final = 3


@dataclass(frozen=True, slots=True)
class JudgedCheck:
    """A check and what it came to. `subject`: the hop that was judged, of those that the check
    names; else empty. `change`: relative, with its interval, at the confidence that the check
    was judged with; None where unknown."""

    check: ComparisonCheck
    subject: str
    verdict: Verdict
    change: float | None
    low: float | None
    high: float | None
    confidence: float
    words: str


def judge_checks(
    checks: Sequence[ComparisonCheck],
    before: Ledger,
    after: Ledger,
    options: Options,
    stated: Stated | None = None,
) -> list[JudgedCheck]:
    """Judges checks; one of several hops has a result for each. All of them hold together at the
    options' confidence: each is judged at a stricter one (Bonferroni)."""
    if not checks:
        return []
    together = replace(options, confidence=1 - (1 - options.confidence) / len(checks))

    @cache
    def compared(route: str | None, outcome: str | None, options: Options) -> Comparison | None:
        renamed = stated.routes if stated else None
        old = of_routes(before, route, outcome, renamed)
        new = of_routes(after, route, outcome)
        if not (old.request_count and new.request_count):
            return None
        return compare(old, new, options, stated and _present(stated, old, new))

    return [
        judged
        for check in checks
        for judged in _judge(check, compared, _with_margin(check, together), (before, after))
    ]


def _with_margin(check: ComparisonCheck, options: Options) -> Options:
    return options if check.margin is None else replace(options, margin=check.margin)


def _judge(
    check: ComparisonCheck, compared: Compared, options: Options, sides: tuple[Ledger, Ledger]
) -> Iterator[JudgedCheck]:
    found = compared(check.route, check.outcome, options)

    def unjudged(words: str) -> JudgedCheck:
        return JudgedCheck(check, "", "unjudged", None, None, None, options.confidence, words)

    if found is None:
        yield unjudged(f"one side has no such requests{_near(check.route, 'route', sides)}")
    elif check.hop is None:
        yield _judged(check, found, *_of_requests(check, found))
    else:
        pattern = glob(check.hop)
        hops = [effect for effect in found.hops if pattern.fullmatch(effect.hop)]
        if not hops:
            yield unjudged(f"there is no such hop{_near(check.hop, 'hop', sides)}")
        for effect in hops:
            yield _judged(check, found, effect.judgement, effect.delta_ns, effect.hop)


def _of_requests(check: ComparisonCheck, found: Comparison) -> tuple[Judgement, float | None]:
    """What is known of the statistic: its judgement, and its rise in ns."""
    for percentile in found.percentiles:
        if check.statistic == f"p{100 * percentile.q:g}":
            before, after = percentile.before_ns, percentile.after_ns
            rise = None if before is None or after is None else after - before
            return percentile.judgement, rise
    return found.same_mix.judgement, found.same_mix.delta_ns


def _judged(
    check: ComparisonCheck,
    found: Comparison,
    judgement: Judgement,
    rise_ns: float | None,
    hop: str = "",
) -> JudgedCheck:
    if check.max_rise is None:
        verdict, words = _not_slower(judgement), judgement.words
    else:
        verdict, words = _within(check, judgement, rise_ns, float(found.before.mean_ns))
    return JudgedCheck(
        check, hop, verdict, judgement.change, judgement.low, judgement.high,
        found.options.confidence, words,
    )  # fmt: skip


def _not_slower(judgement: Judgement) -> Verdict:
    if judgement.not_slower:
        return "passed"
    return "failed" if judgement.verdict == "slower" else "unjudged"


def _within(
    check: ComparisonCheck, judgement: Judgement, rise_ns: float | None, mean_ns: float
) -> tuple[Verdict, str]:
    """Whether the rise as measured is within the limit."""
    change = judgement.change
    if change is None and check.statistic == "mean" and rise_ns is not None and mean_ns:
        change = rise_ns / mean_ns  # exact, though how sure it is cannot be said
    rise = change if check.unit == "share" else rise_ns
    if rise is None or check.max_rise is None:
        return "unjudged", judgement.words
    verdict: Verdict = "failed" if rise > check.max_rise else "passed"
    shown = f"{100 * rise:+.3g} %" if check.unit == "share" else f"{rise / 10**6:+.3f} ms"
    return verdict, f"{shown}; {judgement.words}"


def of_routes(
    ledger: Ledger,
    route: str | None,
    outcome: str | None = None,
    renamed: Mapping[str, str] | None = None,
) -> Ledger:
    """The ledger of some of the requests: of routes that fit a glob by their own name, or by the
    one that they have later; None: of all."""
    later = renamed or {}

    def kept(table: pa.Table) -> pa.Table:
        if route is not None:
            table = table.filter(pc.is_in(table["route"], pa.array(fitting, pa.string())))
        return table if outcome is None else table.filter(pc.equal(table["outcome"], outcome))

    fitting = []
    if route is not None:
        pattern = glob(route)
        fitting = [
            name
            for name in pc.unique(ledger.requests["route"]).to_pylist()
            if pattern.fullmatch(name) or pattern.fullmatch(later.get(name, name))
        ]
    return Ledger(kept(ledger.cells), kept(ledger.requests), ledger.quality)


def _present(stated: Stated, before: Ledger, after: Ledger) -> Stated:
    """Of what is stated that which is in these requests: a mapping is of all of them."""
    routes = [set(pc.unique(side.requests["route"]).to_pylist()) for side in (before, after)]
    cells = [Window(side).cells for side in (before, after)]
    hops = [{cell.callee for cell in side} for side in cells]
    operations = [{(cell.callee, cell.operation) for cell in side} for side in cells]
    return Stated(
        _kept(stated.hops, hops),
        _kept(stated.routes, routes),
        _kept(stated.operations, operations),
    )


def _kept(names: Mapping[Name, Name], known: Sequence[Collection[Name]]) -> dict[Name, Name]:
    return {
        old: new
        for old, new in names.items()
        if old in known[0] and (new in known[1] or new == old)
    }


def _near(pattern: str | None, key: str, sides: Iterable[Ledger]) -> str:
    """What there is that reads like a pattern which fits nothing."""
    if pattern is None:
        return ""
    known = sorted({group.key[0] for side in sides for group in side.group_by(key)})
    by_lower = {text.lower(): text for text in known if key == "route" or " -> " not in text}
    close = get_close_matches(pattern.lower(), by_lower, n=_SUGGESTIONS, cutoff=0.4)
    near = [by_lower[text] for text in close] or list(by_lower.values())[:_SUGGESTIONS]
    return f"; there is: {', '.join(near)}"
