"""A ledger in the terminal, 80 columns or more."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hopwatch.attribution import Ledger
from hopwatch.attribution.ledger import Percentile
from hopwatch.attribution.long_table import MEASURES
from hopwatch.attribution.long_table import WeightedGroup as Cells
from hopwatch.reports.columns import table_of
from hopwatch.reports.documents import PERCENTILES
from hopwatch.reports.numbers import Scale, apportion, count, duration, scale_for
from hopwatch.reports.text import language_style, plain
from hopwatch.reports.words import what_it_says

DEFAULT_KEYS: Final = ("hop", "language", "kind")
_MARGIN: Final = 2
_WIDE: Final = 100
_BAR: Final = 16


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
        explained = notes and not ledger.quality.get("traces")
        for note in (*([] if explained else _no_requests(ledger)), *notes):
            console.print(Text(f"  {plain(note)}"), soft_wrap=False)
        return
    console.print(
        Group(
            "",
            Padding(_percentiles(ledger), (0, 0, 1, _MARGIN)),
            Text("Where the time of a request goes", style="bold"),
            Padding(_cells(ledger, keys, most, console.width - _MARGIN), (0, 0, 1, _MARGIN)),
            Text("What it says", style="bold"),
            Padding(Text(plain(what_it_says(ledger))), (0, 0, 1, 2)),
            Text("How far to trust it", style="bold"),
            *(Padding(Text(plain(line)), (0, 0, 0, 2)) for line in (*_trust(ledger), *notes)),
        )
    )


def _headline(ledger: Ledger, source: str) -> Text:
    line = Text(count(ledger.request_count, "request"), style="bold")
    if ledger.is_weighted:
        line.append(f", standing for {round(ledger.weighted_requests):,}")
    failed = ledger.failed_count
    if failed:
        line.append(f", {failed:,} failed", style="bold red")
    line.append(f" from {plain(source)}", style="not bold")
    return line


def _no_requests(ledger: Ledger) -> list[str]:
    rootless = ledger.quality.get("traces_without_root", 0)
    if rootless and rootless == ledger.quality.get("traces"):
        return [f"{count(rootless, 'trace')} here, without a root span: look at one by its id."]
    return [*_left_out(ledger), "Nothing to attribute here: widen the time window, or the filters."]


def _scale(ledger: Ledger) -> Scale:
    longest = ledger.percentile(0.99)
    return scale_for(max(round(ledger.mean_ns), longest.value if longest else 0))


def _percentiles(ledger: Ledger) -> Table:
    scale = _scale(ledger)
    points = [ledger.percentile(q) for q in PERCENTILES.values()]
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column(f"End to end, {scale.unit}", style="dim")
    for name in ("mean", *PERCENTILES):
        table.add_column(name, justify="right")
    mean = scale.show(scale.ticks(ledger.weighted_total_ns, ledger.weighted_requests))
    values = [scale.show(scale.ticks(point.value)) if point else "" for point in points]
    table.add_row("", *(Text(text, style="bold") for text in (mean, *values)))
    intervals = [_interval(point, scale) if point else "" for point in points]
    table.add_row("95% interval", "", *intervals, style="dim")
    return table


def _interval(point: Percentile, scale: Scale) -> str:
    """`9.91-10.3`, or `> 9.91` where too few requests bound it above."""
    low, high = (
        None if bound is None else _three_digits(bound / scale.tick_ns / 1000)
        for bound in (point.low, point.high)
    )
    if low is not None and high is not None:
        return f"{low}-{high}"
    if low is not None:
        return f"> {low}"
    return f"< {high}" if high is not None else "unknown"


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _cells(ledger: Ledger, keys: Sequence[str], most: int, width: int) -> Table:
    """The rows by `keys`, in figures that add up as they are printed."""
    rows = _rows(ledger, keys, most)
    n, total, scale = ledger.weighted_requests, ledger.weighted_total_ns, _scale(ledger)
    blamed = [group.blamed_ns for group in rows]
    ticks = apportion(blamed, scale.ticks(total, n))
    permille = apportion(blamed, 1000)
    doubtful = [1000 * group.doubtful_ns >= total > 0 for group in rows]
    figures = {f"{scale.unit}/request": [scale.show(t) for t in (*ticks, sum(ticks))]}
    if any(doubtful):
        figures["at least"] = [
            scale.show(scale.ticks(group.low_ns, n)) if shown else ""
            for group, shown in zip(rows, doubtful, strict=True)
        ] + [""]
    figures["share"] = [f"{share / 10:.1f}%" for share in (*permille, sum(permille))]
    figures["calls"] = [f"{float(group.calls / n):,.2f}" for group in rows] + [""]
    names = {key: [group.key[i] for group in rows] for i, key in enumerate(keys)}
    for key in keys:
        names[key].append("sum = mean" if key == keys[0] else "")
    bar = [*("█" * round(_BAR * share / 1000) for share in permille), ""]
    return table_of(
        names,
        figures,
        [*(_row_style(keys, group) for group in rows), "bold"],
        width,
        figure_styles={"at least": "dim", "calls": "dim"},
        bar=bar if width >= _WIDE else (),
    )


def _rows(ledger: Ledger, keys: Sequence[str], most: int) -> list[Cells]:
    groups = [g for g in ledger.weighted_by(*keys) if g.blamed_ns or g.calls]
    if len(groups) <= most:
        return groups
    return [*groups[: most - 1], _sum_of(groups[most - 1 :])]


def _row_style(keys: Sequence[str], group: Cells) -> str:
    return language_style(group.key[keys.index("language")]) if "language" in keys else ""


def _sum_of(groups: list[Cells]) -> Cells:
    key = (f"{len(groups)} smaller", *[""] * (len(groups[0].key) - 1))
    sums = (sum((getattr(group, name) for group in groups), Fraction()) for name in MEASURES)
    return Cells(key, *sums)


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
    lines += _left_out(ledger)
    if ledger.is_weighted:
        lines.append(
            "These requests were sampled. Times, shares and percentiles count each as often as its "
            "sampler says it stands for; counts are of what was kept."
        )
    say("malformed_sampling", "Spans whose sampling cannot be read (each stands for one): {}.")
    say(
        "strictly_sampled",
        "Requests with spans that were sampled more strictly than their first: {}. In the other "
        "requests that time counts as their callers'.",
    )
    say(
        "tail_sampled",
        "Requests chosen after they had ended (tail sampling): {}. Errors and slow requests may "
        "be more frequent here than they were; by how much, the spans do not say.",
    )
    say("detached_units", "Asynchronous work, not part of any request's time: {} units.")
    say("late_units", "Of these, begun when what they are part of had ended: {}.")
    if quality.get("clipped_ns"):
        per_request = duration(round(quality["clipped_ns"] / n))
        lines.append(f"{per_request} a request ran on after its caller's span had ended.")
    return lines


def _left_out(ledger: Ledger) -> list[str]:
    absurd = ledger.quality.get("absurd_duration")
    if not absurd:
        return []
    return [
        f"Left out, for they took longer than 30 days (a wrong stamp): {count(absurd, 'root')}."
    ]
