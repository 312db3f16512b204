"""What a comparison says, as titled tables and lines that the terminal and Markdown show alike.

Times are in ms (or s) per request and add up as they are printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from hopwatch.comparison import Comparison, Term
from hopwatch.comparison.bridge import TermName
from hopwatch.comparison.result import HopEffect, whole_ns
from hopwatch.comparison.verdict import MAKES_REQUESTS, percent
from hopwatch.reports.comparison_failures import failure_section, where_failures_begin
from hopwatch.reports.comparison_figures import (
    adding_up,
    change,
    interval_ns,
    interval_title,
    points,
    scale_of,
    signed,
    signed_duration,
    time,
    verdict_of,
)
from hopwatch.reports.comparison_lines import Line, Name, Row, Section
from hopwatch.reports.numbers import count, duration

CAUSES: Final[dict[TermName, str]] = {
    "mix": "traffic mix: other requests than before",
    "calls": "calls per request",
    "variant": "who calls or answers: another language, version or caller",
    "time": "time per call",
    "exposure": "what of a call is waited for",
}
_MOST_NAMED: Final = 3
_WORTH_SAYING: Final = Fraction(1, 100)
_NO_CODE: Final = "no code of ours"


def headline(found: Comparison) -> str:
    """The verdict in a sentence."""
    before, after = (duration(round(side.mean_ns)) for side in (found.before, found.after))
    judgement = found.same_mix.judgement
    words = judgement.words.removeprefix(MAKES_REQUESTS)
    if found.shortage:
        words = "too little traffic to tell whether that is more than chance"
    elif found.mix_ns and judgement.change is not None:
        words = f"for requests of the same routes: {words}"
    return (
        f"{found.verdict.capitalize()}: the mean request took {before} and now takes {after}. "
        f"{_sentence(words)}{_mix(found)}"
    )


def _mix(found: Comparison) -> str:
    """What another mix of traffic does, where it is worth a sentence."""
    if abs(found.mix_ns) < _WORTH_SAYING * found.before.mean_ns:
        return ""
    size = duration(abs(found.mix_ns))
    if found.mix_ns > 0:
        return f" More requests of slow routes than before add {size} to the mean."
    return f" Fewer requests of slow routes than before take {size} off the mean."


def consequences(found: Comparison) -> Iterator[Line]:
    """Whether more fails, and where; which hops certainly changed; where that cannot be known,
    which one to look at first."""
    if said := failing(found):
        yield (said,)
    yield from where_failures_begin(found)
    if found.shortage and found.hops and found.hops[0].delta_ns > 0:
        first = found.hops[0]
        size = signed_duration(first.delta_ns)
        chance = "whether by chance cannot be told."
        yield ("First to look at: ", Name(first.hop), f", {size} a request; {chance}")
    for verdict in ("slower", "faster"):
        hops = [hop for hop in found.hops if hop.judgement.verdict == verdict]
        hops.sort(key=lambda hop: (-abs(hop.delta_ns), hop.hop))
        if hops:
            yield (f"Certainly {verdict}: ", *_listed(hops), ".")


def failing(found: Comparison) -> str:
    """Whether more requests fail, in a sentence; empty where that is not certain."""
    if found.failures.low is None or found.failures.low <= 0:
        return ""
    shares = [percent(side.failed_share) for side in (found.before, found.after)]
    return (
        f"Certainly more requests fail: {shares[0]} before, {shares[1]} after. What fails may "
        "be quick: compare those that succeed (outcome ok), too."
    )


def sections(found: Comparison, sources: tuple[str, str], most: int) -> Iterator[Section]:
    """All that there is to show; tables of `most` rows at most."""
    yield _sides(found, sources)
    yield _bridge(found, most)
    yield failure_section(found, most)
    yield _causes(found)
    yield _languages(found)
    yield _end_to_end(found)
    yield from _tails(found, most)
    yield _routes(found, most)
    yield _terms(found, most)
    yield _names(found, most)
    yield Section("How sure this is", lines=tuple((line,) for line in trust(found)))


def _sides(found: Comparison, sources: tuple[str, str]) -> Section:
    return Section(
        "What was compared",
        lines=tuple(
            (
                f"{name}: {count(side.requests, 'request')} in {side.seconds:,} s with "
                f"requests, {percent(side.failed_share)} failed, of ",
                Name(source),
            )
            for name, side, source in zip(
                ("before", "after"), (found.before, found.after), sources, strict=True
            )
        ),
    )


def _bridge(found: Comparison, most: int) -> Section:
    """From the mean before to the mean after, hop by hop."""
    scale = scale_of(found)
    first = found.hops[:1]
    apart = sorted(found.hops, key=lambda hop: (hop not in first, -abs(hop.delta_ns), hop.hop))
    moved = [hop for hop in apart if hop.delta_ns]
    kept = set(moved[: most if len(moved) <= most else most - 1])
    shown = [hop for hop in found.hops if hop in kept]
    others = [hop for hop in moved if hop not in kept]
    deltas = [found.mix_ns, *(hop.delta_ns for hop in shown), sum(h.delta_ns for h in others)]
    ticks = adding_up(found, deltas, scale)
    mostly = _mostly(found.terms)
    rows = [
        Row(("before",), (scale.show(ticks[0]), "", "", ""), bold=True),
        Row(("traffic mix",), (signed(ticks[1], scale), "", "", "")),
    ]
    rows += [
        Row(
            (Name(hop.hop),),
            (
                signed(tick, scale), interval_ns(hop.low_ns, hop.high_ns, scale),
                verdict_of(hop.judgement), mostly[hop.hop],
            ),
        )
        for hop, tick in zip(shown, ticks[2:], strict=False)
    ]  # fmt: skip
    if others:
        rows.append(Row((f"{len(others)} others",), (signed(ticks[-1], scale), "", "", "")))
    rows.append(Row(("after",), (scale.show(sum(ticks)), "", "", ""), bold=True))
    columns = f"{scale.unit}/request", interval_title(found), "verdict", "mostly"
    still = len(apart) - len(moved)
    lines = ((f"No part of the difference: {count(still, 'other hop')}.",),) if still else ()
    return Section("From before to after, by hop", ("hop",), columns, tuple(rows), lines)


def _causes(found: Comparison) -> Section:
    scale = scale_of(found)
    sums = [sum(term.ns for term in found.terms if term.term == cause) for cause in CAUSES]
    ticks = adding_up(found, sums, scale)
    rows = [
        Row((words,), (signed(tick, scale),))
        for words, tick in zip(CAUSES.values(), ticks[1:], strict=True)
    ]
    rows.append(Row(("sum = after - before",), (signed(sum(ticks[1:]), scale),), bold=True))
    return Section("The same, by cause", ("cause",), (f"{scale.unit}/request",), tuple(rows))


def _languages(found: Comparison) -> Section:
    scale = scale_of(found)
    moved = [effect for effect in found.languages if effect.delta_ns]
    ticks = adding_up(found, [found.mix_ns, *(effect.delta_ns for effect in moved)], scale)
    rows = [
        Row(
            (_NO_CODE if effect.language == "-" else Name(effect.language),),
            (
                signed(tick, scale), interval_ns(effect.low_ns, effect.high_ns, scale),
                verdict_of(effect.judgement),
            ),
        )
        for effect, tick in zip(moved, ticks[2:], strict=True)
    ]  # fmt: skip
    rows.append(Row(("traffic mix",), (signed(ticks[1], scale), "", "")))
    rows.append(Row(("sum = after - before",), (signed(sum(ticks[1:]), scale), "", ""), bold=True))
    columns = f"{scale.unit}/request", interval_title(found), "verdict"
    return Section("The same, by language", ("language",), columns, tuple(rows))


def _tails(found: Comparison, most: int) -> Iterator[Section]:
    """What requests at the highest percentile that can be broken down spend more or less."""
    known = [tail for tail in found.tails if tail.delta_ns is not None]
    if not known:
        return
    tail, scale = known[-1], scale_of(found)
    parts = sorted(tail.parts, key=lambda part: (-abs(part.ns), part.hop, part.kind))
    shown, rest = parts[:most], sum(part.ns for part in parts[most:])
    ticks = whole_ns(
        [Fraction(ns) / scale.tick_ns for ns in (*(part.ns for part in shown), rest)],
        int(scale.ticks(tail.delta_ns or 0)),
    )
    rows = [
        Row((Name(part.hop), part.kind), (signed(tick, scale),))
        for part, tick in zip(shown, ticks[:-1], strict=True)
    ]
    if len(parts) > len(shown):
        rows.append(Row((f"{len(parts) - len(shown)} others", ""), (signed(ticks[-1], scale),)))
    rows.append(Row(("sum = after - before", ""), (signed(sum(ticks), scale),), bold=True))
    title = f"What requests at p{100 * tail.q:g} spend more or less"
    yield Section(title, ("hop", "kind"), (scale.unit,), tuple(rows))


def _end_to_end(found: Comparison) -> Section:
    scale = scale_of(found)
    mean_before, mean_after = (float(side.mean_ns) for side in (found.before, found.after))
    means = (time(mean_before, scale), time(mean_after, scale), *change(found.judgement))
    rows = [Row(("mean",), means)]
    rows += [
        Row(
            (f"p{100 * p.q:g}",),
            (time(p.before_ns, scale), time(p.after_ns, scale), *change(p.judgement)),
        )
        for p in found.percentiles
        if p.before_ns is not None
    ]
    refused = [p for p in found.percentiles if p.before_ns is None and not found.shortage]
    lines: list[Line] = [(f"{p.judgement.words}.",) for p in refused]
    mix = [term for term in found.terms if term.term == "mix"]
    if any((term.low_ns or 0) > 0 or (term.high_ns or 0) < 0 for term in mix):
        lines.append(
            (
                "The traffic mix has changed, so these are of other requests before than after; "
                "the routes compare like with like.",
            )
        )
    shift = found.failures
    if found.before.failed_share or found.after.failed_share:
        between = (
            ""
            if shift.low is None or shift.high is None
            else f" ({interval_title(found)}: {points(shift.low)} to {points(shift.high)})"
        )
        lines.append((f"Failed requests: {points(shift.value)}{between}.",))
    columns = "before", "after", "change", interval_title(found), "verdict"
    return Section(f"End to end, {scale.unit}", ("",), columns, tuple(rows), tuple(lines))


def _routes(found: Comparison, most: int) -> Section:
    scale = scale_of(found)
    rows = tuple(
        Row(
            (Name(route.route),),
            (
                f"{route.requests_before:,}", f"{route.requests_after:,}",
                time(route.mean_before_ns, scale), time(route.mean_after_ns, scale),
                change(route.judgement)[0], verdict_of(route.judgement),
            ),
        )
        for route in found.routes[:most]
    )  # fmt: skip
    left = len(found.routes) - len(rows)
    lines = ((f"{count(left, 'route')} more; --top shows them, and --json.",),) if left else ()
    columns = "n before", "n after", "before", "after", "change", "verdict"
    return Section(f"Routes, mean, {scale.unit}", ("route",), columns, rows, lines)


def _terms(found: Comparison, most: int) -> Section:
    scale = scale_of(found)
    rows = tuple(
        Row(
            (Name(_what(term)),),
            (
                term.term,
                signed(scale.ticks(term.ns), scale),
                interval_ns(term.low_ns, term.high_ns, scale),
            ),
        )
        for term in found.terms[:most]
    )
    left = found.terms[most:]
    rest = signed_duration(sum(term.ns for term in left))
    lines = ((f"{count(len(left), 'smaller term')} add up to {rest}; --json has all.",),)
    columns = "cause", f"{scale.unit}/request", interval_title(found)
    return Section("The largest terms", ("where",), columns, rows, lines if left else ())


def _what(term: Term) -> str:
    inside = ", ".join(
        part for part in (term.kind, term.language, term.version) if part not in ("", "-")
    )
    names = " ".join(part for part in (term.hop, term.operation) if part)
    return f"{term.route}: {names} ({inside})" if names else term.route


def _names(found: Comparison, most: int) -> Section:
    lines: list[Line] = []
    for match in found.matches[:most]:
        before, after = (
            " ".join(part for part in names if part)
            for names in (
                (match.hop_before, match.operation_before),
                (match.hop_after, match.operation_after),
            )
        )
        sure = "" if match.how == "stated" else f", {match.confidence:.0%} alike"
        lines.append(
            (Name(before), " is now ", Name(after), f" ({match.how}{sure}): {match.reason}.")
        )
    if left := len(found.matches) - len(lines):
        lines.append((f"{count(left, 'renaming')} more; --top shows them, and --json.",))
    for what, names in (("New", found.new), ("Gone", found.vanished)):
        if names:
            more = f" and {len(names) - most} more" if len(names) > most else ""
            lines.append((f"{what}: ", *_joined([Name(n) for n in names[:most]]), f"{more}."))
    return Section("Renamed, new, gone", lines=tuple(lines))


def trust(found: Comparison) -> Iterator[str]:
    """How sure all this is, and what it cannot tell."""
    options = found.options
    if found.shortage:
        yield f"Not enough data for intervals: {found.shortage}. The figures above are exact."
    else:
        yield (
            f"Each table's intervals hold together in {percent(options.confidence)} of cases. "
            "They come from blocks of time, so they know that requests of one moment are alike."
        )
        if (least := found.same_mix.judgement.detectable) is not None:
            yield (
                f"With so much data a change of {percent(least)} of the mean "
                f"is found in {percent(options.power)} of cases."
            )
        if alarms := found.judgement.false_alarms:
            yield (
                f"Compared with itself in {alarms.ways} ways, the window before raised "
                f"{count(alarms.alarms, 'false alarm')}: a rate between {percent(alarms.low)} and "
                f"{percent(alarms.high)}."
            )
    yield f"A change of up to {percent(options.margin)} is taken to be of no consequence."
    yield from found.cautions
    yield f"Design: {found.design}. {found.weakness}"


def _mostly(terms: Sequence[Term]) -> dict[str, str]:
    """By hop the cause that moved it most."""
    sums: dict[str, dict[str, int]] = {}
    for term in terms:
        causes = sums.setdefault(term.hop, {})
        causes[term.term] = causes.get(term.term, 0) + term.ns
    return {
        hop: max(causes, key=lambda cause: (abs(causes[cause]), cause))
        for hop, causes in sums.items()
    }


def _listed(hops: Sequence[HopEffect]) -> Line:
    named = [
        part
        for hop in hops[:_MOST_NAMED]
        for part in (Name(hop.hop), f" ({signed_duration(hop.delta_ns)}), ")
    ]
    named[-1] = named[-1].removesuffix(", ")
    more = len(hops) - _MOST_NAMED
    return (*named, f" and {more} more") if more > 0 else tuple(named)


def _joined(names: Sequence[Name]) -> Line:
    return tuple(part for name in names for part in (", ", name))[1:]


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
