"""The quality of the data in the terminal: what is there, then what is odd about it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from hopwatch.quality import Finding, Part, Quality, trust_sentence
from hopwatch.reports.columns import table_of
from hopwatch.reports.numbers import count, duration
from hopwatch.reports.text import plain, shorten
from hopwatch.store import Inventory, Stored

_STYLES: Final = {"problem": "bold red", "warning": "yellow", "note": "cyan"}
_ROOM_FOR_ALL: Final = 72
"""Terminal columns below which only names and counts are shown, for they must be whole."""
_LONGEST_EXAMPLE: Final = 300
_LONGEST_PART: Final = 120
_MOST_PARTS: Final = 5


def print_quality(console: Console, quality: Quality) -> None:
    """Prints all of it; the last line says whether it is sound."""
    inventory = quality.inventory
    console.print(Text(plain(inventory.source), style="bold"))
    console.print()
    _print_stored(console, inventory)
    if inventory.services:
        console.print()
        _print_services(console, inventory)
    console.print()
    console.print(
        f"Examined: {count(quality.spans, 'span')} of {count(quality.traces, 'trace')} with"
        f" {count(quality.requests, 'request')}{_span_of(quality.start_ns, quality.end_ns)}."
    )
    console.print()
    console.print(Text(f"{trust_sentence(quality.trust)}{_clocks(quality)}"))
    for finding in quality.findings:
        console.print()
        _print_finding(console, finding, quality.trust.total_ns)
    console.print()
    console.print(_verdict(quality))


def _print_stored(console: Console, inventory: Inventory) -> None:
    stored = inventory.stored
    figures = {
        "rows": [f"{one.rows:,}" for one in stored],
        "size": [_size(one) for one in stored],
    }
    if console.width >= _ROOM_FOR_ALL:
        figures["from"] = [_moment(one.first_ns) for one in stored]
        figures["to"] = [_moment(one.last_ns) for one in stored]
    names = {"signal": [one.signal for one in stored]}
    console.print(table_of(names, figures, [""] * len(stored), console.width))


def _print_services(console: Console, inventory: Inventory) -> None:
    services = inventory.services
    names = {"service": [service.name for service in services]}
    figures = {
        "spans": [f"{service.spans:,}" for service in services],
        "logs": [f"{service.logs:,}" for service in services],
        "metrics": [f"{service.metrics:,}" for service in services],
    }
    if console.width >= _ROOM_FOR_ALL:
        names["language"] = [", ".join(service.languages) or "-" for service in services]
        names["version"] = [", ".join(service.versions) or "-" for service in services]
        figures = {"processes": [f"{service.instances:,}" for service in services], **figures}
    console.print(table_of(names, figures, [""] * len(services), console.width))


def _print_finding(console: Console, finding: Finding, total_ns: int) -> None:
    head = Text(f"{finding.level}: ", style=_STYLES[finding.level])
    head.append(plain(finding.sentence), style="not bold default")
    console.print(head)
    lines = [plain(finding.advice)]
    if finding.touched_ns and total_ns:
        share = 100 * finding.touched_ns / total_ns
        lines.append(f"Touches {duration(finding.touched_ns, 3)} at most, {share:.2g} % of all.")
    lines += [_part(part) for part in finding.parts[:_MOST_PARTS]]
    if finding.examples:
        shown = [shorten(example, _LONGEST_EXAMPLE) for example in finding.examples]
        see = "See hopwatch trace" if finding.example_kind == "trace" else "Example:"
        if finding.example_kind == "service":
            see = "Services:"
        lines.append(f"{see} {', '.join(shown)}")
    console.print(Padding(Text("\n".join(lines), style="dim"), (0, 0, 0, 2)))


def _clocks(quality: Quality) -> str:
    if not quality.pairs:
        return ""
    known = f"{quality.known_pairs:,} of {count(quality.pairs, 'pair')}"
    return f" Clocks are known of {known} of processes that call each other."


def _part(part: Part) -> str:
    """A finding in one place, in a line."""
    said = []
    if part.count != 1 or part.of or not part.detail:
        said.append(f"{part.count:,}" + (f" of {part.of:,}" if part.of else ""))
    if part.touched_ns:
        said.append(duration(part.touched_ns, 3))
    if part.detail:
        said.append(plain(part.detail))
    return f"- {shorten(plain(part.name), _LONGEST_PART)}: {', '.join(said)}"


def _verdict(quality: Quality) -> Text:
    levels = [finding.level for finding in quality.findings]
    problems, warnings = levels.count("problem"), levels.count("warning")
    if problems:
        return Text(f"Not sound: {count(problems, 'problem')}.", style="bold red")
    if warnings:
        return Text(f"Sound, with {count(warnings, 'warning')}.", style="bold")
    return Text("Sound.", style="bold green")


def _size(stored: Stored) -> str:
    if stored.file_bytes is None:
        return "-"
    size = float(stored.file_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"


def _moment(ns: int | None) -> str:
    if ns is None:
        return "-"
    return datetime.fromtimestamp(ns / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _span_of(start_ns: int | None, end_ns: int | None) -> str:
    if start_ns is None or end_ns is None:
        return ""
    return f", begun from {_moment(start_ns)} to {_moment(end_ns)}"
