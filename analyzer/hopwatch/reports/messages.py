"""How long messages were under way before asynchronous work began, and late work from what began
it: as lines of text and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any, Final

import pyarrow as pa
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from hopwatch.attribution.long_table import exact
from hopwatch.reports.numbers import count, duration
from hopwatch.reports.text import plain, shorten

_KEYS: Final = ("sender_hop", "hop", "route")
_QUANTILES: Final = {"p50": 0.5, "p95": 0.95}
_SHOWN: Final = 8
_NAME_WIDTH: Final = 60


@dataclass(frozen=True, slots=True)
class Way:
    """The messages that one hop sent to another's route, or what it began late. timed: those of
    whose clocks something is known; delays: between which bounds (ns) the percentiles of theirs
    lie, none without any."""

    sender: str
    hop: str
    route: str
    messages: int
    timed: int
    delays: dict[str, tuple[int, int]]


def ways(delays: pa.Table) -> list[Way]:
    """Of a table of delays (`attribution.delays`), most messages first."""
    by_key: dict[tuple[str, str, str], list[tuple[int, int] | None]] = {}
    columns = (delays[name].to_pylist() for name in (*_KEYS, "low_ns", "high_ns"))
    for sender, hop, route, low, high in zip(*columns, strict=True):
        bounds = None if low is None else (low, high)
        by_key.setdefault((sender, hop, route), []).append(bounds)
    found = [Way(*key, *_summed(bounds)) for key, bounds in by_key.items()]
    return sorted(found, key=lambda way: (-way.messages, way.sender, way.hop, way.route))


def _summed(
    bounds: list[tuple[int, int] | None],
) -> tuple[int, int, dict[str, tuple[int, int]]]:
    """How many messages, how many of them timed, and between what their percentiles lie."""
    timed = [pair for pair in bounds if pair is not None]
    lows, highs = (sorted(pair[side] for pair in timed) for side in (0, 1))
    ranks = {name: ceil(exact(q) * len(timed)) - 1 for name, q in _QUANTILES.items()}
    delays = {name: (lows[rank], highs[rank]) for name, rank in ranks.items() if timed}
    return len(bounds), len(timed), delays


def print_messages(console: Console, delays: pa.Table) -> None:
    """Prints who sent what to whom, and how long that took."""
    found = ways(delays)
    if not found:
        return
    console.print()
    console.print(Text("From being sent, or begun, to being worked on", style="bold"))
    for way in found[:_SHOWN]:
        console.print(Padding(Text(_line(way)), (0, 0, 0, 2)))
    if len(found) > _SHOWN:
        console.print(Text(f"  and {count(len(found) - _SHOWN, 'other way', 'other ways')}"))


def _line(way: Way) -> str:
    name = shorten(plain(f"{way.sender} -> {way.hop} {way.route}"), _NAME_WIDTH)
    said = f"{name}: {count(way.messages, 'time')}, "
    if not way.timed:
        return f"{said}how long is not known: nothing tells how these clocks lie to each other"
    said += ", ".join(f"{name} {_range(*bounds)}" for name, bounds in way.delays.items())
    unknown = way.messages - way.timed
    return f"{said} ({count(unknown, 'time')} of unknown clocks)" if unknown else said


def _range(low: int, high: int) -> str:
    least, most = duration(low, 3), duration(high, 3)
    return least if least == most else f"{least} to {most}"


def message_documents(delays: pa.Table) -> list[dict[str, Any]]:
    """The same for `hopwatch report --detached --json`."""
    return [
        {
            "sender": way.sender,
            "hop": way.hop,
            "route": way.route,
            "messages": way.messages,
            "timed": way.timed,
            "delay_ns": {name: list(bounds) for name, bounds in way.delays.items()},
        }
        for way in ways(delays)
    ]
