"""What a notebook shows of a comparison: the verdict, the bridge, percentiles. See
`attribution.display`."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from hopwatch.attribution.display import MOST_ROWS, html_page, html_table, html_text
from hopwatch.comparison.verdict import MAKES_REQUESTS

if TYPE_CHECKING:
    from hopwatch.comparison.result import Comparison
    from hopwatch.comparison.verdict import Judgement

_TICK_NS: Final = 1_000
_LONGEST_SENTENCE: Final = 2_000


def comparison_html(shown: Comparison) -> str:
    """From the mean before to the mean after, hop by hop, in figures that add up as they are
    printed; percentiles; the design."""
    words = shown.same_mix.judgement.words.removeprefix(MAKES_REQUESTS)
    title = f"{shown.verdict.capitalize()}: {_sentence(words)}"
    notes = [
        f"{shown.before.requests:,} requests before, {shown.after.requests:,} after.",
        *map(_sentence, shown.cautions),
        _sentence(f"Design: {shown.design}. {shown.weakness}"),
    ]
    if shown.shortage:
        notes.insert(1, _sentence(f"Not enough data for intervals: {shown.shortage}."))
    return html_page(title, [_bridge(shown), _percentiles(shown)], notes)


def _bridge(shown: Comparison) -> str:
    from hopwatch.comparison.result import whole_ns

    moved = sorted((hop for hop in shown.hops if hop.delta_ns), key=lambda hop: -abs(hop.delta_ns))
    kept = set(moved[:MOST_ROWS])
    hops = [hop for hop in shown.hops if hop in kept]
    rest = sum(hop.delta_ns for hop in moved[MOST_ROWS:])
    parts = [
        shown.before.mean_ns / _TICK_NS,
        *(Fraction(ns, _TICK_NS) for ns in (shown.mix_ns, *(hop.delta_ns for hop in hops), rest)),
    ]
    before, mix, *ticks, others = whole_ns(parts, round(shown.after.mean_ns / _TICK_NS))
    rows = [["before", _ms(before), "", ""], ["traffic mix", _signed(mix), "", ""]]
    rows += [
        [
            html_text(hop.hop),
            _signed(tick),
            _interval(hop.low_ns, hop.high_ns),
            _verdict(hop.judgement),
        ]
        for hop, tick in zip(hops, ticks, strict=True)
    ]
    if len(moved) > MOST_ROWS:
        rows.append([f"{len(moved) - MOST_ROWS:,} others", _signed(others), "", ""])
    foot = ["after", _ms(before + mix + sum(ticks) + others), "", ""]
    return html_table(("hop",), ("ms", _level(shown), "verdict"), rows, foot)


def _percentiles(shown: Comparison) -> str:
    rows = [
        [
            f"p{100 * one.q:g}",
            *(
                "" if ns is None else _ms(round(ns / _TICK_NS))
                for ns in (one.before_ns, one.after_ns)
            ),
            "" if one.judgement.change is None else f"{100 * one.judgement.change:+.1f}%",
            _verdict(one.judgement),
        ]
        for one in shown.percentiles
    ]
    return html_table(("end to end",), ("ms before", "after", "change", "verdict"), rows, None)


def _sentence(words: str) -> str:
    return html_text(words, _LONGEST_SENTENCE)


def _level(shown: Comparison) -> str:
    return f"{100 * shown.options.confidence:.4g} % interval"


def _interval(low: int | None, high: int | None) -> str:
    if low is None or high is None:
        return "unknown"
    return f"{_signed(round(low / _TICK_NS))} to {_signed(round(high / _TICK_NS))}"


def _verdict(judgement: Judgement) -> str:
    return "unknown" if judgement.low is judgement.high is None else judgement.verdict


def _signed(ticks: int) -> str:
    return f"{'+' if ticks > 0 else '-' if ticks < 0 else ''}{_ms(abs(ticks))}"


def _ms(ticks: int) -> str:
    return f"{ticks // 1000:,}.{ticks % 1000:03d}"
