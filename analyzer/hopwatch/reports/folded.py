"""Folded stacks: a line a call path, its frames joined by `;`, then a space and its own ns.

What flamegraph.pl, inferno, speedscope and their like read. The format has no way to escape:
see `label`. The lines add up to the time that the flame graph is of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from hopwatch.attribution import UnitTime
from hopwatch.attribution.quantile import at_mean
from hopwatch.attribution.stacks import Bar, Frame, Stacks
from hopwatch.reports.text import plain, shorten

_CODE: Final = ("self", "wait")
_LONGEST: Final = 300
_APART: Final = {
    "request": (),
    "detached": ("asynchronous work",),
    "fragment": ("fragment whose parent is missing",),
}


def folded(bars: Iterable[Bar], above: Sequence[str] = ()) -> str:
    """The bars of a flame graph (`Stacks.bars`) that have time of their own, as lines; `above`:
    frames to stand before each path."""
    lines = []
    path = list(above)
    for bar in bars:
        del path[len(above) + bar.depth :]
        path.append(label(bar.frame))
        if bar.own_ns:
            lines.append(f"{';'.join(path)} {bar.own_ns}\n")
    return "".join(lines)


def folded_units(units: Iterable[UnitTime]) -> str:
    """The units of a trace as lines; asynchronous work and fragments, which are no part of any
    request's time, apart from it below frames that say so."""
    return "".join(folded(_bars_of(unit), _APART[unit.unit.kind]) for unit in units)


def _bars_of(unit: UnitTime) -> list[Bar]:
    """The flame graph of one unit, in exact ns."""
    stacks = Stacks.of_units([unit])
    return stacks.bars(at_mean(stacks, "path"))


def label(frame: Frame) -> str:
    """A frame in a line: `shop-bff POST /api/orders [nodejs]`, `postgresql/shop SELECT [db]`.

    What would end the frame or act on a terminal is shown escaped. The bracket also keeps an
    operation that ends in a number from being read as a count.
    """
    if frame.kind in _CODE:
        suffix = frame.language if frame.kind == "self" else f"{frame.language} {frame.kind}"
    else:
        suffix = frame.kind
    words = f"{frame.hop} {frame.operation}" if frame.operation else frame.hop
    return f"{readable(words)} [{readable(suffix)}]".replace(";", "\\x3b")


def readable(text: str) -> str:
    """`text` made harmless, of a long one only the ends: it may stand in every line."""
    return plain(text) if len(text) <= _LONGEST else shorten(text, _LONGEST)
