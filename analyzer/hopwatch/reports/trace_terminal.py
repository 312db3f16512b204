"""One trace in the terminal: a waterfall with its critical path."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hopwatch.attribution import Attribution, UnitTime
from hopwatch.attribution.model import Span
from hopwatch.attribution.units import SpanTime
from hopwatch.reports.columns import table_of
from hopwatch.reports.numbers import apportion, count, duration
from hopwatch.reports.text import language_style, plain, shorten

MOST_ROWS = 500
_TIME_WIDTH = 10
_NARROWEST = 8
_ROOM_FOR_CELLS = 60


def print_trace(console: Console, attribution: Attribution, *, every_span: bool = False) -> None:
    """Prints the only trace of `attribution`: its requests, asynchronous work and fragments,
    each as a waterfall; then where the time went.

    Beyond `MOST_ROWS` spans only those on the critical path are shown, unless `every_span`.
    """
    units = [
        ("", list(attribution.requests())),
        ("asynchronous work: ", list(attribution.detached())),
        ("fragment, its parent is missing: ", list(attribution.fragments())),
    ]
    first = True
    for prefix, attributed in units:
        for unit in attributed:
            if not first:
                console.print()
            first = False
            _print_unit(console, unit, prefix, every_span)


def _print_unit(console: Console, unit: UnitTime, prefix: str, every_span: bool) -> None:
    root = unit.unit.root
    started = datetime.fromtimestamp(root.start / 1e9, UTC)
    title = Text(f"{prefix}{plain(unit.route)}", style="bold")
    title.append(f"  {duration(unit.duration)}", style="bold")
    if unit.outcome == "error":
        title.append("  failed", style="bold red")
    console.print(title)
    services = {time.span.hop for time in unit.spans}
    console.print(
        Text(
            f"trace {unit.trace.trace_id.hex()}  {started:%Y-%m-%d %H:%M:%S.%f} UTC\n"
            f"{count(len(unit.spans), 'span')} of {count(len(services), 'service')}",
            style="dim",
        )
    )
    shown = [time for time in unit.spans if every_span or len(unit.spans) <= MOST_ROWS or time.own]
    left_out = len(unit.spans) - len(shown)
    console.print(_waterfall(unit, shown, console))
    if left_out:
        note = f"{count(left_out, 'span')} off the critical path not shown; --all shows them."
        console.print(Text(note, style="dim"))
    console.print()
    console.print(_cells(unit, console.width))
    if unit.flags():
        console.print(Text(f"Odd: {', '.join(unit.flags())}", style="yellow"))


def _waterfall(unit: UnitTime, shown: list[SpanTime], console: Console) -> Table:
    room = max(2 * _NARROWEST, console.width - 2 * _TIME_WIDTH - 4)
    label_width = min(max(30, room * 55 // 100), room - _NARROWEST)
    bar_width = room - label_width
    unicode = (console.encoding or "").lower().startswith("utf")
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    table.add_column("span", width=label_width, no_wrap=True)
    path = "█ on the critical path" if unicode else "# on the critical path"
    table.add_column(shorten(path, bar_width), width=bar_width, no_wrap=True)
    table.add_column("took", width=_TIME_WIDTH, justify="right", no_wrap=True)
    table.add_column("own", width=_TIME_WIDTH, justify="right", no_wrap=True)
    times = {id(time.span): time for time in shown}
    for span, depth in _depth_first(unit.unit.root):
        time = times.get(id(span))
        if time is None:
            continue
        own = Text(duration(time.own) if time.own else "", style="bold" if time.own else "")
        table.add_row(
            _label(time, depth, label_width),
            _bar(unit, time, bar_width, unicode),
            Text(duration(span.duration)),
            own,
        )
    return table


def _depth_first(root: Span) -> Iterator[tuple[Span, int]]:
    stack = [(root, 0)]
    while stack:
        span, depth = stack.pop()
        yield span, depth
        stack.extend((child, depth + 1) for child in reversed(span.children))


def _label(time: SpanTime, depth: int, width: int) -> Text:
    span = time.span
    indent = " " * min(depth, 16)
    label = Text(indent)
    place = (
        "" if span.parent is not None and not span.is_remote_to(span.parent) else plain(span.hop)
    )
    if place:
        place = shorten(place, width // 2)
        label.append(place + " ", style=f"bold {language_style(span.language)}")
    failed = span.status == "ERROR"
    room = max(6, width - label.cell_len - 2 * failed)
    kind = {"db": "db ", "wait": "wait "}.get(time.cell.kind, "")
    name = _short_name(plain(span.name), room - len(kind))
    label.append(shorten(kind + name, room), style="red" if failed else "")
    if failed:
        label.append(" !", style="bold red")
    return label


def _short_name(name: str, width: int) -> str:
    """`Orders/PlaceOrder` for `hopwatch.shop.v1.Orders/PlaceOrder` where the whole is too long:
    what sets one RPC apart from the next stands last."""
    service, slash, method = name.partition("/")
    if slash and service and len(name) > width:
        return f"{service.rpartition('.')[2]}/{method}"
    return name


def _bar(unit: UnitTime, time: SpanTime, width: int, unicode: bool) -> Text:
    """The span's extent as a line, its own time on the critical path as blocks."""
    line, block = ("─", "█") if unicode else ("-", "#")
    root = unit.unit.root
    total = max(1, unit.duration)

    def column(at: int) -> int:
        return min(width - 1, max(0, (at - root.start) * width // total))

    cells = [" "] * width
    start, end = time.span.start - time.shift, time.span.end - time.shift
    if start <= root.end and end >= root.start:
        for i in range(column(start), column(max(start, end - 1)) + 1):
            cells[i] = line
    for low, high in time.segments:
        for i in range(column(low), column(high - 1) + 1):
            cells[i] = block
    style = language_style(time.cell.language)
    return Text("".join(cells), style="" if style == "dim" else style)


def _cells(unit: UnitTime, width: int) -> Table:
    """The trace's ledger: by hop, language and kind, in ns that add up."""
    totals: dict[tuple[str, str, str], int] = {}
    for cell, ns in unit.cells().items():
        key = (cell.hop, cell.language, cell.kind)
        totals[key] = totals.get(key, 0) + ns
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    shares = apportion([ns for _, ns in ordered], 1000 if unit.duration else 0)
    if width < _ROOM_FOR_CELLS:
        names = {"where": [*(" ".join(key) for key, _ in ordered), "sum = duration"]}
    else:
        names = {
            name: [*(key[i] for key, _ in ordered), "sum = duration" if name == "hop" else ""]
            for i, name in enumerate(("hop", "language", "kind"))
        }
    figures = {
        "ns": [f"{ns:,}" for ns in (*(ns for _, ns in ordered), unit.duration)],
        "share": [f"{share / 10:.1f}%" for share in (*shares, sum(shares))],
    }
    styles = [*(language_style(key[1]) for key, _ in ordered), "bold"]
    return table_of(names, figures, styles, width)
