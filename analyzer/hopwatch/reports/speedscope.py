"""Profiles for speedscope: the requests' call paths, or one trace as it went.

Format: https://www.speedscope.app/file-format-schema.json, weights in ns. Of requests a *sampled*
profile, a sample a call path; of a trace an *evented* one, where at every moment the stack is that
of the span which is blamed for it. Both are as long as the time that they explain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any, Final

from hopwatch.attribution import UnitTime
from hopwatch.attribution.stacks import DEEPEST, Bar, Frame
from hopwatch.attribution.units import SpanTime
from hopwatch.reports.folded import label, readable

SCHEMA: Final = "https://www.speedscope.app/file-format-schema.json"
_TITLES: Final = {
    "request": "",
    "detached": "asynchronous work: ",
    "fragment": "fragment: ",
}


def of_bars(bars: Iterable[Bar], name: str) -> dict[str, Any]:
    """The bars of a flame graph (`Stacks.bars`) as a file with one profile."""
    frames = _Frames()
    samples, weights = [], []
    path: list[int] = []
    for bar in bars:
        del path[bar.depth :]
        path.append(frames.number(bar.frame))
        if bar.own_ns:
            samples.append(path[:])
            weights.append(bar.own_ns)
    profile = {
        "type": "sampled",
        "name": name,
        "unit": "nanoseconds",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": samples,
        "weights": weights,
    }
    return _file(name, frames, [profile])


def of_units(units: Iterable[UnitTime], name: str) -> dict[str, Any]:
    """The units of a trace, each as a profile of what was waited for at every moment."""
    frames = _Frames()
    return _file(name, frames, [_timeline(unit, frames) for unit in units])


def _timeline(unit: UnitTime, frames: _Frames) -> dict[str, Any]:
    root = unit.unit.root
    chain = _chains(unit)
    pieces = sorted((low, high, i) for i, t in enumerate(unit.spans) for low, high in t.segments)
    events: list[dict[str, Any]] = []
    open_spans: list[SpanTime] = []

    def close(down_to: int, at: int) -> None:
        while len(open_spans) > down_to:
            events.append(_event("C", frames, open_spans.pop(), at))

    for low, _, i in pieces:
        wanted = chain(unit.spans[i])
        pairs = zip(open_spans, wanted, strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], pairs))
        close(shared, low - root.start)
        for time in wanted[shared:]:
            events.append(_event("O", frames, time, low - root.start))
            open_spans.append(time)
    close(0, unit.duration)
    return {
        "type": "evented",
        "name": _TITLES[unit.unit.kind] + readable(unit.route),
        "unit": "nanoseconds",
        "startValue": 0,
        "endValue": unit.duration,
        "events": events,
    }


def _event(type_: str, frames: _Frames, time: SpanTime, at: int) -> dict[str, Any]:
    return {"type": type_, "frame": frames.number(Frame.of(time.cell)), "at": at}


def _chains(unit: UnitTime) -> Callable[[SpanTime], list[SpanTime]]:
    """Gives the spans from the root down to one; of too many the first, and itself."""
    above: dict[int, SpanTime | None] = {}
    depths: dict[int, int] = {}
    times = {id(time.span): time for time in unit.spans}
    for time in unit.spans:  # parents first
        parent = None if time.span.parent is None else times[id(time.span.parent)]
        if parent is not None and depths[id(parent)] == DEEPEST - 1:
            parent = above[id(parent)]
        above[id(time)] = parent
        depths[id(time)] = 0 if parent is None else depths[id(parent)] + 1

    def chain(time: SpanTime) -> list[SpanTime]:
        found: list[SpanTime] = []
        step: SpanTime | None = time
        while step is not None:
            found.append(step)
            step = above[id(step)]
        return found[::-1]

    return chain


def _file(name: str, frames: _Frames, profiles: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "$schema": SCHEMA,
        "name": name,
        "exporter": "hopwatch",
        "activeProfileIndex": 0,
        "shared": {"frames": frames.documents},
        "profiles": profiles,
    }


class _Frames:
    """Frames by number, each once. `file` is what speedscope colours by: the hop."""

    def __init__(self) -> None:
        self.documents: list[dict[str, str]] = []
        self._numbers: dict[Frame, int] = {}

    def number(self, frame: Frame) -> int:
        number = self._numbers.setdefault(frame, len(self.documents))
        if number == len(self.documents):
            self.documents.append({"name": label(frame), "file": readable(frame.hop)})
        return number
