"""What a notebook shows of a result: one table, without script, in the notebook's own colours.

Times are in ms with three decimals and add up as they are printed. Texts of spans are escaped:
markup in them is text, invisible and direction-changing characters are shown as escapes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from hopwatch.attribution.ledger import Ledger
from hopwatch.attribution.quantile import Breakdown, at_mean, whole_numbers

if TYPE_CHECKING:
    from hopwatch.attribution.stacks import Stacks
    from hopwatch.attribution.units import UnitTime

MOST_ROWS: Final = 24
_TICK_NS: Final = 1_000
_LONGEST_TEXT: Final = 120
_INDENT: Final = "\u2003"
_MOST_INDENTS: Final = 12
_POINTS: Final = (0.5, 0.9, 0.95, 0.99)
_LEDGER_KEYS: Final = ("hop", "language", "kind")
_ADDS_UP: Final = "The rows add up to the requests' time, to the nanosecond."
_QUALITY: Final = {
    "incomplete_traces": "incomplete traces",
    "traces_without_root": "traces without a root, not counted",
    "outlives": "calls that outlive their caller's span",
    "clock_conflict": "calls that contradict the clocks",
    "clock_steps": "steps of clocks",
    "detached_units": "units of asynchronous work, no part of requests",
    "late_units": "of these, begun when what they are part of had ended",
    "absurd_duration": "roots longer than 30 days, left out",
}
# Colours are the notebook's, thinned out, so that they fit a light and a dark theme. The class
# stands twice to outweigh the notebook's own rules for tables.
_STYLE: Final = """<style>
.hopwatch{font-variant-numeric:tabular-nums;color:inherit;max-width:100%;overflow-x:auto}
.hopwatch.hopwatch table{border-collapse:collapse;color:inherit;margin:.4em 0;border:0}
.hopwatch.hopwatch table tr{background:none}
.hopwatch.hopwatch table th,.hopwatch.hopwatch table td{padding:.15em .7em .15em 0;border:0;
 text-align:left;vertical-align:top;color:inherit;background:none;max-width:32em;
 white-space:pre-wrap;overflow-wrap:break-word}
.hopwatch.hopwatch table th{font-weight:400;opacity:.7;white-space:nowrap}
.hopwatch.hopwatch table .n{text-align:right;white-space:nowrap}
.hopwatch.hopwatch table .sum td{font-weight:600;border-top:1px solid rgba(128,128,128,.6)}
.hopwatch .bar{display:inline-block;height:.7em;background:rgba(70,130,220,.75)}
.hopwatch.hopwatch p{margin:.2em 0;opacity:.8}
</style>"""


def ledger_html(shown: Ledger) -> str:
    """Percentiles with their intervals; the mean request by hop, language and kind; in a line
    how far to trust it."""
    if not shown.request_count:
        return html_page("0 requests", [], ["Nothing to attribute here.", *_doubts(shown.quality)])
    failed = f", {shown.failed_count:,} failed" if shown.failed_count else ""
    weighted = (
        f", sampled: they stand for about {round(shown.weighted_requests):,}"
        if shown.is_weighted
        else ""
    )
    title = f"{_count(shown.request_count, 'request')}{failed}{weighted}"
    tables = [_percentiles(shown), _shares(at_mean(shown, *_LEDGER_KEYS), "sum = mean")]
    return html_page(title, tables, [_ADDS_UP, *_doubts(shown.quality)])


def breakdown_html(shown: Breakdown) -> str:
    """A request's time by the keys of the breakdown."""
    title = f"{_ms(shown.total_ns)} ms, of {_count(shown.requests, 'request')}"
    return html_page(title, [_shares(shown, "sum")], [])


def stacks_html(shown: Stacks) -> str:
    """The call paths of the mean request that take the most time, as a tree."""
    bars = shown.bars(at_mean(shown, "path"))
    largest = sorted(bars, key=lambda bar: (-bar.ns, bar.path))[:MOST_ROWS]
    kept = {bar.path for bar in largest}  # with what is above them, for that takes no less
    rows = [
        [
            _INDENT * min(bar.depth, _MOST_INDENTS)
            + html_text(f"{bar.frame.hop} {bar.frame.operation}"),
            html_text(bar.frame.language), html_text(bar.frame.kind),
            _ms(bar.ns), _ms(bar.own_ns), _bar(bar.ns, bars[0].ns),
        ]
        for bar in bars
        if bar.path in kept
    ]  # fmt: skip
    notes = []
    if len(bars) > len(rows):
        notes.append(f"{len(bars) - len(rows):,} call paths that take less are not shown.")
    table = html_table(("call path", "language", "kind"), ("ms", "own ms", ""), rows, None)
    title = f"{_count(shown.request_count, 'request')} by call path, mean"
    return html_page(title, [table] if rows else [], notes)


def unit_html(shown: UnitTime) -> str:
    """One request, piece of asynchronous work or fragment: where its time went."""
    failed = ", failed" if shown.outcome == "error" else ""
    table = _shares(at_mean(Ledger.of_units([shown]), *_LEDGER_KEYS), "sum = duration")
    said = f"trace {shown.trace.trace_id.hex()}, {_count(len(shown.spans), 'span')}"
    odd = [f"Odd: {', '.join(shown.flags())}."] if shown.flags() else []
    return html_page(
        f"{html_text(shown.route)}: {_ms(shown.duration)} ms{failed}", [table], [said, *odd]
    )


def _percentiles(shown: Ledger) -> str:
    points = {f"p{100 * q:g}": shown.percentile(q) for q in _POINTS}
    values = (_ms(point.value) if point else "" for point in points.values())
    intervals = (_interval(point.low, point.high) if point else "" for point in points.values())
    rows = [
        ["end to end, ms", _ms(round(shown.mean_ns)), *values],
        ["95 % interval", "", *intervals],
    ]
    return html_table(("",), ("mean", *points), rows, None)


def _interval(low: int | None, high: int | None) -> str:
    if low is None and high is None:
        return "unknown"
    if high is None:
        return f"&gt; {_ms(low or 0)}"
    return f"{_ms(low)} - {_ms(high)}" if low is not None else f"&lt; {_ms(high)}"


def _shares(shown: Breakdown, sum_name: str) -> str:
    """The rows of a breakdown, in figures that add up as they are printed."""
    ticks = whole_numbers(
        {share.key: share.ns for share in shown.shares}, _TICK_NS, _ticks(shown.total_ns)
    )
    wanted = [share for share in shown.shares if share.ns or share.calls]
    doubtful = {s.key for s in wanted if 1000 * s.doubtful_ns >= shown.total_ns > 0}
    apart = wanted if len(wanted) <= MOST_ROWS else wanted[: MOST_ROWS - 1]
    names = shown.keys or ("",)
    blank = [""] * (len(names) - 1)
    rows = [
        [
            *map(html_text, share.key or ("all",)), _decimal(ticks[share.key]),
            *([_ms(share.low_ns) if share.key in doubtful else ""] if doubtful else []),
            _percent(share.ns, shown.total_ns), f"{share.calls:,.2f}",
            _bar(share.ns, shown.total_ns),
        ]
        for share in apart
    ]  # fmt: skip
    if others := wanted[len(apart) :]:
        ns = sum(share.ns for share in others)
        decimal = _decimal(sum(ticks[share.key] for share in others))
        rest = [_percent(ns, shown.total_ns), "", _bar(ns, shown.total_ns)]
        low = [""] if doubtful else []
        rows.append([f"{len(others):,} smaller", *blank, decimal, *low, *rest])
    figures = ("ms", *(("at least",) if doubtful else ()), "share", "calls", "")
    foot = [sum_name, *blank, _ms(shown.total_ns), *[""] * (len(figures) - 1)]
    return html_table(names, figures, rows, foot)


def _doubts(quality: dict[str, int]) -> list[str]:
    """What makes the ledger less sure, in a line, if anything does."""
    odd = [f"{words}: {quality[name]:,}" for name, words in _QUALITY.items() if quality.get(name)]
    return [f"To be known: {'; '.join(odd)}."] if odd else []


def html_page(title: str, tables: Sequence[str], notes: Iterable[str]) -> str:
    said = "".join(f"<p>{note}</p>" for note in notes)
    shown = "".join(tables)
    return f'<div class="hopwatch">{_STYLE}<p><strong>{title}</strong></p>{shown}{said}</div>'


def html_table(
    names: Sequence[str],
    figures: Sequence[str],
    rows: Sequence[Sequence[str]],
    foot: Sequence[str] | None,
) -> str:
    """Cells are HTML already; columns of figures are to the right of those of names."""
    kinds = [""] * len(names) + [' class="n"' if figure else "" for figure in figures]

    def line(cells: Sequence[str], tag: str = "td") -> str:
        return "".join(
            f"<{tag}{kind}>{cell}</{tag}>" for cell, kind in zip(cells, kinds, strict=True)
        )

    body = "".join(f"<tr>{line(row)}</tr>" for row in rows)
    total = f'<tr class="sum">{line(foot)}</tr>' if foot else ""
    head = line([*names, *figures], "th")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}{total}</tbody></table>"


def html_text(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Text of a span as HTML that shows it, the middle of a long one left out."""
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]}…{text[-half:]}"
    visible = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escape("".join(visible))


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def _ticks(ns: int) -> int:
    return (2 * ns + _TICK_NS) // (2 * _TICK_NS)


def _decimal(ticks: int) -> str:
    return f"{ticks // 1000:,}.{ticks % 1000:03d}"


def _ms(ns: int) -> str:
    return _decimal(_ticks(ns))


def _percent(ns: int, total: int) -> str:
    return f"{100 * ns / total:.1f}%" if total else ""


def _bar(ns: int, total: int) -> str:
    width = 8 * ns / total if total else 0
    return f'<span class="bar" style="width:{width:.2f}em"></span>'
