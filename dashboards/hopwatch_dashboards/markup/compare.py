"""A comparison as sentences, figures and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from markupsafe import Markup

from hopwatch.comparison import Comparison, Judgement, Term
from hopwatch.comparison.result import PercentileEffect
from hopwatch.reports.comparison_failures import where_failures_begin
from hopwatch.reports.comparison_figures import scale_of
from hopwatch.reports.comparison_sections import CAUSES, failing, headline, trust
from hopwatch_dashboards import theme
from hopwatch_dashboards.charts.compare import hop_colours
from hopwatch_dashboards.markup.names import name, sentences, swatch
from hopwatch_dashboards.markup.tables import Column, table
from hopwatch_dashboards.markup.tiles import Tile, tiles, trace_link
from hopwatch_dashboards.views.compare_bridge import (
    SHORT,
    Bridge,
    interval,
    signed,
    signed_ticks,
)
from hopwatch_dashboards.views.compare_traces import Row, TwoTraces
from hopwatch_dashboards.views.compare_words import (
    change,
    share,
    side,
    verdict,
    where,
)

_DASH: Final = "\N{EN DASH}"
_MINUS: Final = "\N{MINUS SIGN}"
_SHADES: Final = {
    "slower": theme.SLOWER, "faster": theme.FASTER, "equivalent": "#0b9467",
    "inconclusive": "#7d838c",
}  # fmt: skip
_VERDICT_HELP: Final = (
    "faster, slower: the interval excludes no change; equivalent: a change beyond the margin is"
    " excluded on both sides; else more data is needed"
)
Link = Callable[[str, str], str]
"""Ids of a trace before and one after -> a link to both beside each other."""


def head(found: Comparison, names: tuple[str, str]) -> Markup:
    """The verdict, where it comes from, the sides, and what such sides cannot tell. `names`: how
    the sides were chosen."""
    words = headline(found).partition(": ")[2]
    said = [words[:1].upper() + words[1:], where(found), failing(found)]
    said += map("".join, where_failures_begin(found))
    about = [
        (f"{word}: {theme.readable(chosen, 80)}" if chosen else word, side(summary))
        for word, chosen, summary in zip(
            ("before", "after"), names, (found.before, found.after), strict=True
        )
    ]
    about.append((found.design, found.weakness))
    about += [("too few", found.shortage)] if found.shortage else []
    about += [("beware", caution) for caution in found.cautions]
    return Markup(
        '<div class="finding" style="--colour:{}" role="status"><p class="verdict">{}</p>{}</div>'
        '<dl class="pairs">{}</dl>'
    ).format(
        _SHADES[found.verdict],
        verdict(found),
        sentences(*(theme.readable(text, 600) for text in said if text)),
        Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(*pair) for pair in about),
    )


def how_sure(found: Comparison) -> Markup:
    """What intervals and verdicts rest on."""
    return Markup("").join(Markup('<p class="note">{}</p>').format(text) for text in trust(found))


def figures(found: Comparison) -> Markup:
    """The mean, and each percentile that can be told, on both sides."""
    return tiles(
        Tile(
            "mean", f"{theme.time(float(found.before.mean_ns))} → "
            f"{theme.time(float(found.after.mean_ns))}", _judged(found.judgement),
            "the mean end-to-end time of a request before and after; below, the relative change"
            f" and the interval that holds it with {found.options.confidence:.0%} confidence",
        ),
        Tile(
            "at the same mix", change(found.same_mix.delta_ns), _judged(found.same_mix.judgement),
            "the change of the mean request if routes were asked for in the same shares on both"
            " sides: what the hops add up to, and what the verdict is on",
        ),
        *(
            Tile(
                f"p{100 * effect.q:g}", _pair(effect), _judged(effect.judgement),
                f"{100 * effect.q:g} % of requests take at most this long, before and after;"
                " below, the change with the interval that holds it together with those of the"
                f" other percentiles. {effect.judgement.words}",
            )
            for effect in found.percentiles
            if not found.shortage
        ),
    )  # fmt: skip


def hops(
    found: Comparison,
    bridge: Bridge,
    pairs: Mapping[str, tuple[str, str]],
    link: Link | None,
    *,
    same_source: bool,
) -> Markup:
    """What each hop adds, with a pair of traces in which it can be seen. `link` leads to both
    beside each other, where they can be shown; `same_source`: whether the page of traces has those
    before, too."""
    elsewhere = "" if same_source else "; it is in no page here: look for it by its id elsewhere"
    columns = [
        Column("hop", "a service or a database, the way to it included", "name first"),
        Column(f"{bridge.scale.unit}/request", "what it adds to the mean request, the sum of its"
               " terms; the rows add up to the difference of the means", "figure"),
        Column("interval", "holds the change, together with the intervals of all other hops, with"
               f" {found.options.confidence:.0%} confidence", "figure quiet"),
        Column("", "", "bars wide-bars"),
        Column("verdict", _VERDICT_HELP, "nowrap"),
        Column("before", "a trace before in which what changed most in the hop is as usual"
               + elsewhere),
        Column("after", "a trace after in which it is as usual"),
        Column("", "the two traces role by role"),
    ]  # fmt: skip
    widest = max((abs(step.change_ns) for step in bridge.steps), default=0) or 1
    rows = []
    for step in bridge.steps:
        one, other = pairs.get(step.name, ("", "")) if step.sort == "part" else ("", "")
        both: Markup | str = ""
        if link and one and other:
            both = Markup('<a href="{}">compare</a>').format(link(one, other))
        rows.append(
            [
                name(step.name, 80), step.printed, step.between or _DASH,
                _bar(step.change_ns, widest, mix=step.sort == "mix"),
                _verdict(step.judgement) if step.judgement else "",
                _trace(one, linked=same_source), _trace(other), both,
            ]
        )  # fmt: skip
    foot = [f"sum = after {_MINUS} before", bridge.change, bridge.between or _DASH, "",
            _verdict(found.judgement), "", "", ""]  # fmt: skip
    return table(columns, rows, foot=foot)


def terms(found: Comparison, most: int = 20) -> Markup:
    """The largest terms of the bridge, the others as one."""
    scale = scale_of(found)
    columns = [
        Column("where", "the hop (or the way to it), and what was asked of it", "name first"),
        Column("route", "", "name"),
        Column("cause", "; ".join(f"{SHORT[cause]}: {words}" for cause, words in CAUSES.items())),
        Column(f"{scale.unit}/request", "they add up to the difference of the means", "figure"),
        Column("interval", "holds together with those of all other terms", "figure quiet"),
        Column("", "", "bars wide-bars"),
        Column("language", ""), Column("version", "", "name"),
    ]  # fmt: skip
    shown, rest = found.terms[:most], found.terms[most:]
    changes = [*(term.ns for term in shown), *([sum(term.ns for term in rest)] if rest else [])]
    total = scale.ticks(found.delta_ns)
    figures = [signed(tick, scale) for tick in signed_ticks(changes, total, scale)]
    widest = max(map(abs, changes), default=0) or 1
    rows: list[list[Markup | str]] = [
        [
            _where(term), name(term.route, 80), SHORT[term.term], figure,
            interval(term.low_ns, term.high_ns, scale) or _DASH,
            _bar(term.ns, widest, mix=term.term == "mix"),
            theme.readable(term.language, 40), name(term.version, 40),
        ]
        for term, figure in zip(shown, figures, strict=False)
    ]  # fmt: skip
    if rest:
        bar = _bar(changes[-1], widest)
        rows.append([f"{len(rest):,} smaller terms", "", "", figures[-1], "", bar, "", ""])
    foot = [f"sum = after {_MINUS} before", "", "", signed(total, scale), "", "", "", ""]
    return table(columns, rows, foot=foot)


def _where(term: Term) -> Markup:
    if term.term == "mix":
        return Markup("all hops")
    kind = "" if term.kind == "self" else f" ({term.kind})"
    return Markup("{} {}{}").format(name(term.hop, 80), name(term.operation, 100), kind)


def routes(found: Comparison) -> Markup:
    """Each route by itself."""
    columns = [
        Column("route", "", "name first"),
        Column("requests", "before and after", "figure"),
        Column("mean before", "", "figure"),
        Column("mean after", "", "figure"),
        Column("change", "relative, of the mean", "figure"),
        Column("interval", "holds the change, together with those of the other routes", "figure"),
        Column("verdict", _VERDICT_HELP, "nowrap"),
    ]
    return table(
        columns,
        [
            [
                name(route.route, 100), f"{route.requests_before:,} → {route.requests_after:,}",
                _time(route.mean_before_ns), _time(route.mean_after_ns),
                _share(route.judgement.change), _range(route.judgement),
                _verdict(route.judgement),
            ]
            for route in found.routes[:40]
        ],
        caption=f"The first 40 of {len(found.routes):,} routes." if len(found.routes) > 40 else "",
    )  # fmt: skip


def roles(found: Comparison) -> Markup:
    """What has another name after, and what is on one side only."""
    lists = [
        Markup("<p>{} {}.</p>").format(
            Markup("<b>{}:</b>").format(word),
            Markup(", ").join(name(hop, 80) for hop in hops) if hops else "none",
        )
        for word, hops in (("New hops", found.new), ("Vanished hops", found.vanished))
    ]
    if not found.matches:
        same = Markup("<p>All other hops and operations have the same names on both sides.</p>")
        return Markup("").join([*lists, same])
    columns = [
        Column("before", "", "name first"), Column("after", "", "name"),
        Column("how", "stated by a mapping; renamed: a hop like no other; moved: an operation that"
               " another hop does; reworded: an operation with another name"),
        Column("confidence", "from 0 to 1", "figure"), Column("why", "", "name"),
    ]  # fmt: skip
    rows = [
        [
            _operation(match.hop_before, match.operation_before),
            _operation(match.hop_after, match.operation_after),
            match.how, f"{match.confidence:.2f}", theme.readable(match.reason, 200),
        ]
        for match in found.matches[:200]
    ]  # fmt: skip
    return Markup("").join([*lists, table(columns, rows)])


def legend(hops: Sequence[str]) -> Markup:
    """The colours of hops in the chart by percentile."""
    colours = hop_colours(hops)
    return Markup('<ol class="legend">{}</ol>').format(
        Markup("").join(
            Markup("<li>{}{}</li>").format(swatch(colours[hop], "self"), name(hop or "others", 60))
            for hop in hops
        )
    )


def sides_legend(before: str, after: str) -> Markup:
    """The colours of the two sides."""
    return Markup('<ol class="legend"><li>{}before</li><li>{}after</li></ol>').format(
        swatch(before, "self"), swatch(after, "self")
    )


def two_traces(shown: TwoTraces, traces: tuple[str, str], *, same_source: bool) -> Markup:
    """Two traces role by role; `traces`: their ids in hex. `same_source`: see `hops`."""
    columns = [
        Column("hop", "a service or a database; a gap is the way to it", "name first"),
        Column("operation", "what was asked of it", "name"),
        Column(f"before, {shown.unit}", "what the request before waited for it", "figure"),
        Column(f"after, {shown.unit}", "what the request after waited for it", "figure"),
        Column("change", f"after {_MINUS} before; the rows add up to the difference of the two",
               "figure"),
        Column("", "", "bars wide-bars"),
        Column("calls", "spans of this kind in the trace, before and after", "figure"),
        Column("kind", "self: own work; gap: the way to the hop; db: a database; wait: for a"
               " resource"),
        Column("language", ""),
    ]  # fmt: skip
    widest = max((abs(row.change_ns) for row in shown.rows), default=0) or 1
    total = shown.total
    before, after = _trace(traces[0], linked=same_source), _trace(traces[1])
    foot: list[Markup | str] = [
        Markup("end to end, {} and {}").format(before, after), "", total.before, total.after,
        total.change, "", "", "", "",
    ]  # fmt: skip
    return table(columns, [_trace_row(row, widest) for row in shown.rows], foot=foot)


def changed_paths(rows: Sequence[tuple[str, str, int, int]]) -> Markup:
    """Call paths by the change of their own time: way, link, own ns before and after."""
    columns = [
        Column("call", "the end of the way to it", "name first"),
        Column("own time before", "per request, without what it called", "figure"),
        Column("after", "", "figure"),
        Column("change", "", "figure"),
    ]
    return table(
        columns,
        [
            [
                Markup('<a href="{}">{}</a>').format(link, name(way)), theme.time(before),
                theme.time(after), change(after - before),
            ]
            for way, link, before, after in rows
        ],
    )  # fmt: skip


def _trace_row(row: Row, widest: int) -> list[Markup | str]:
    return [
        name(row.role.hop, 80), name(row.role.operation, 100), row.before, row.after, row.change,
        _bar(row.change_ns, widest), row.calls, row.role.kind, theme.readable(row.language, 40),
    ]  # fmt: skip


def _trace(trace: str, *, linked: bool = True) -> Markup:
    return trace_link(trace) if trace and linked else Markup("{}").format(trace[:8])


def _operation(hop: str, operation: str) -> Markup:
    shown = name(hop, 80)
    return Markup("{} {}").format(shown, name(operation, 100)) if operation else shown


def _bar(ns: int, widest: int, *, mix: bool = False) -> Markup:
    """To the right of the middle for more, to the left for less. `mix`: only by other requests."""
    return Markup(
        '<span class="diverging {}"><i class="bar" style="--part:{};--colour:{}"></i></span>'
    ).format(
        "less" if ns < 0 else "more",
        f"{abs(ns) / widest:.4f}",
        theme.MIX if mix else theme.FASTER if ns < 0 else theme.SLOWER,
    )


def _verdict(judgement: Judgement) -> Markup:
    return Markup('<span title="{}">{}{}</span>').format(
        theme.readable(judgement.words, 400),
        swatch(_SHADES[judgement.verdict], "self"),
        judgement.verdict,
    )


def _pair(effect: PercentileEffect) -> str:
    if effect.before_ns is None or effect.after_ns is None:
        return _DASH
    return f"{theme.time(effect.before_ns)} → {theme.time(effect.after_ns)}"


def _judged(judgement: Judgement) -> str:
    if judgement.change is None:
        return theme.readable(judgement.words, 200)
    if judgement.low is None or judgement.high is None:
        return _share(judgement.change)
    return f"{_share(judgement.change)} ({_range(judgement)})"


def _range(judgement: Judgement) -> str:
    if judgement.low is None or judgement.high is None:
        return _DASH
    return f"{_share(judgement.low)} to {_share(judgement.high)}"


def _share(part: float | None) -> str:
    if part is None:
        return _DASH
    return share(part)


def _time(ns: float | None) -> str:
    return _DASH if ns is None else theme.time(ns)
