"""A ledger in the terminal, 80 columns or more."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hopwatch.attribution import Ledger
from hopwatch.attribution.ledger import Group as Cells
from hopwatch.attribution.ledger import Percentile
from hopwatch.reports.documents import PERCENTILES
from hopwatch.reports.numbers import apportion, count, duration, milliseconds
from hopwatch.reports.text import language_style, plain, shorten
from hopwatch.reports.words import what_it_says

DEFAULT_KEYS = ("hop", "language", "kind")
_WIDE = 100
_BAR = 16


def print_ledger(
    console: Console,
    ledger: Ledger,
    source: str,
    *,
    keys: Sequence[str] = DEFAULT_KEYS,
    most: int = 24,
    notes: Sequence[str] = (),
) -> None:
    """Prints the ledger grouped by `keys`, the `most` largest rows apart and the others as one.

    `source`: where the spans are from, in words. `notes`: lines for the foot.
    """
    console.print(_headline(ledger, source))
    if not ledger.request_count:
        for note in (*_no_requests(ledger), *notes):
            console.print(Text(f"  {note}"), soft_wrap=False)
        return
    console.print(
        Group(
            "",
            Padding(_percentiles(ledger), (0, 0, 1, 2)),
            Text("Where the time of a request goes", style="bold"),
            Padding(_cells(ledger, keys, most, console.width), (0, 0, 1, 2)),
            Text("What it says", style="bold"),
            Padding(Text(plain(what_it_says(ledger))), (0, 0, 1, 2)),
            Text("How far to trust it", style="bold"),
            *(Padding(Text(plain(line)), (0, 0, 0, 2)) for line in (*_trust(ledger), *notes)),
        )
    )


def _headline(ledger: Ledger, source: str) -> Text:
    line = Text(count(ledger.request_count, "request"), style="bold")
    failed = ledger.failed_count
    if failed:
        line.append(f", {failed:,} failed", style="bold red")
    line.append(f" from {plain(source)}", style="not bold")
    return line


def _no_requests(ledger: Ledger) -> list[str]:
    lost = ledger.quality.get("traces_without_root", 0)
    if lost:
        return [f"{count(lost, 'trace')} here without a root span: look at one by its id."]
    return ["Nothing to attribute here: widen the time window, or the filters."]


def _percentiles(ledger: Ledger) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("End to end, ms", style="dim")
    table.add_column("mean", justify="right")
    points = []
    for name, q in PERCENTILES.items():
        table.add_column(name, justify="right")
        points.append(ledger.percentile(q))
    table.add_row(
        "",
        Text(milliseconds(ledger.mean_ns), style="bold"),
        *(Text(milliseconds(point.value) if point else "", style="bold") for point in points),
    )
    table.add_row(
        "95 % interval",
        "",
        *(_interval(point) if point else "" for point in points),
        style="dim",
    )
    return table


def _interval(point: Percentile) -> str:
    """`9.91-10.3`, or `> 9.91` where too few requests bound it above."""
    if point.low is not None and point.high is not None:
        return f"{_short_ms(point.low)}-{_short_ms(point.high)}"
    if point.low is not None:
        return f"> {_short_ms(point.low)}"
    return f"< {_short_ms(point.high)}" if point.high is not None else "unknown"


def _short_ms(ns: int) -> str:
    value = ns / 1e6
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _cells(ledger: Ledger, keys: Sequence[str], most: int, width: int) -> Table:
    """The rows by `keys`, in figures that add up as they are printed."""
    rows = _rows(ledger, keys, most)
    n = ledger.request_count
    blamed = [group.blamed_ns for group in rows]
    micros = apportion(blamed, round(ledger.mean_ns / 1000))
    permille = apportion(blamed, 1000)
    doubtful = [1000 * (g.blamed_ns - g.low_ns) >= ledger.total_ns > 0 for g in rows]
    columns = {"ms/request": [milliseconds(us * 1000) for us in micros]}
    if any(doubtful):
        columns["at least"] = [
            milliseconds(group.low_ns / n) if shown else ""
            for group, shown in zip(rows, doubtful, strict=True)
        ]
    columns["share"] = [f"{share / 10:.1f} %" for share in permille]
    columns["calls"] = [f"{group.calls / n:,.2f}" for group in rows]
    if width >= _WIDE:
        columns[""] = ["█" * round(_BAR * share / 1000) for share in permille]
    sums = {"ms/request": milliseconds(sum(micros) * 1000), "share": f"{sum(permille) / 10:.1f} %"}
    for name, texts in columns.items():
        texts.append(sums.get(name, ""))

    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    widths = _key_widths(keys, rows, columns, width)
    for key in keys:
        table.add_column(key, width=widths[key])
    for name in columns:
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for i, group in enumerate(rows):
        style = _row_style(keys, group)
        names = [
            Text(_fit(text, widths[key]), style=style)
            for key, text in zip(keys, group.key, strict=True)
        ]
        figures = [
            Text(texts[i], style=_FIGURE_STYLES.get(name, style if not name else ""))
            for name, texts in columns.items()
        ]
        table.add_row(*names, *figures)
    blanks = [""] * (len(keys) - 1)
    label = _SUM if widths[keys[0]] >= len(_SUM) else "sum"
    table.add_row(label, *blanks, *(texts[-1] for texts in columns.values()), style="bold")
    return table


_SUM = "sum = end-to-end mean"
_FIGURE_STYLES = {"at least": "dim", "calls": "dim"}


def _rows(ledger: Ledger, keys: Sequence[str], most: int) -> list[Cells]:
    groups = [g for g in ledger.group_by(*keys) if g.blamed_ns or g.calls]
    if len(groups) <= most:
        return groups
    return [*groups[: most - 1], _sum_of(groups[most - 1 :])]


def _key_widths(
    keys: Sequence[str], rows: Sequence[Cells], columns: dict[str, list[str]], width: int
) -> dict[str, int]:
    """As wide as the texts need, shortened where the line would be longer than `width`: the
    longest first."""
    widths = {
        key: max(len(key), *(len(group.key[i]) for group in rows)) for i, key in enumerate(keys)
    }
    figures = sum(max(len(name), *map(len, texts)) + 2 for name, texts in columns.items())
    room = width - 2 - figures - 2 * len(keys)
    while sum(widths.values()) > room:
        longest = max(keys, key=lambda key: widths[key])
        if widths[longest] <= 10:
            break
        widths[longest] -= 1
    return widths


def _fit(text: str, width: int) -> str:
    """`text` in `width`; an edge between two hops in two lines where one is too short."""
    caller, arrow, callee = text.partition(" -> ")
    if arrow and len(text) > width:
        return f"{shorten(caller, width)}\n -> {shorten(callee, width - 4)}"
    return shorten(text, width)


def _row_style(keys: Sequence[str], group: Cells) -> str:
    return language_style(group.key[keys.index("language")]) if "language" in keys else "default"


def _sum_of(groups: list[Cells]) -> Cells:
    measures = zip(
        *(
            (g.blamed_ns, g.local_ns, g.concurrent_ns, g.hidden_ns, g.retry_ns, g.calls, g.spans)
            for g in groups
        ),
        strict=True,
    )
    key = (f"{len(groups)} smaller", *[""] * (len(groups[0].key) - 1))
    return Cells(key, *(sum(values) for values in measures))


def _trust(ledger: Ledger) -> list[str]:
    """What is known to be missing or doubtful, each in a line; and that the sum holds."""
    quality, n = ledger.quality, ledger.request_count
    lines = [f"The cells add up to the {count(n, 'request')} to the nanosecond."]

    def say(name: str, text: str) -> None:
        if quality.get(name):
            lines.append(text.format(f"{quality[name]:,}"))

    say("incomplete_traces", "Incomplete traces (spans whose parent is missing): {}.")
    say("traces_without_root", "Traces without a root span, not counted: {}.")
    say("duplicate", "Identical copies of spans dropped: {}.")
    say("conflicting_copies", "Copies of spans that differ (widest times taken): {}.")
    say("negative_duration", "Spans that end before they start (taken as zero): {}.")
    say("cycle", "Circles of parents cut: {}.")
    say("outlives", "Calls that went on after their caller stopped waiting: {}.")
    say("clock_conflict", "Calls that contradict what is known of the clocks: {}.")
    say("clock_steps", "Times that a clock seems to have been set: {}.")
    say("detached_units", "Asynchronous work, not part of any request's time: {} units.")
    if quality.get("clipped_ns"):
        per_request = duration(round(quality["clipped_ns"] / n))
        lines.append(f"{per_request} a request ran on after its caller's span had ended.")
    return lines
