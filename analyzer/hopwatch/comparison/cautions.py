"""What makes verdicts on these data less sure than they say, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from hopwatch.comparison.blocks import BLOCKS, FEWEST_REQUESTS, PIECES
from hopwatch.comparison.jackknife import correlations, pseudo_values
from hopwatch.comparison.own_window import HALVES, OwnWindow
from hopwatch.comparison.verdict import Options
from hopwatch.comparison.windows import Window

_ALIKE: Final = 0.6
"""Correlation of neighbouring blocks from which intervals are known to be too narrow at times."""
_CATCH_ALL: Final = frozenset("/*")
_NOT_COUNTED: Final = (
    f"False alarms could not be counted on the window before: each of {PIECES} pieces of it needs "
    f"{FEWEST_REQUESTS} requests."
)


def cautions(
    windows: Sequence[Window],
    own: OwnWindow | None,
    options: Options,
    *,
    drifts: bool,
    shortage: str,
) -> tuple[str, ...]:
    """All that apply. `drifts`: whether what wanders slowly hits one side more than the other, as
    in two windows. `shortage`: see `Comparison`; with it only names can be judged."""
    found: list[str] = []
    if not shortage and own is None:
        found.append(_NOT_COUNTED)
    if not shortage and drifts:
        found += [*_wander(windows), *_halves(own, options)]
    return (*found, *_coarse(windows))


def _wander(windows: Sequence[Window]) -> Iterator[str]:
    likeness = []
    for window in windows:
        requests, ns = window.without_each_block.routes.sum(axis=0)
        pseudo = pseudo_values(float(window.mean_ns), ns / requests)
        likeness.append(float(correlations(pseudo)[1]))
    alike = min(1.0, float(np.mean(likeness)))
    if alike >= _ALIKE:
        seconds = min(window.blocking.seconds for window in windows)
        yield (
            f"Request times wander almost as slowly as the windows are long: neighbouring blocks "
            f"of {seconds / BLOCKS:.3g} s are alike (correlation {alike:.2f}). Intervals are wider "
            "for it, and may still be too narrow: record several times as long, or take short "
            "turns (A B A B)."
        )


def _halves(own: OwnWindow | None, options: Options) -> Iterator[str]:
    if own and own.mean(options.confidence)[HALVES]:
        yield (
            "The two halves of the window before differ by more than chance, though nothing was "
            "changed between them: what drifts by itself can pass for a change here. (By chance "
            f"alone that is said of {1 - options.confidence:.2g} of all windows.)"
        )


def _coarse(windows: Sequence[Window]) -> Iterator[str]:
    routes = {route for window in windows for route in window.routes}
    coarse = sorted(
        route for route in routes if set(route.rpartition(" ")[2]) <= _CATCH_ALL and "*" in route
    )
    if coarse:
        yield (
            f"Requests of different kinds share the route {coarse[0]}: more of a dear kind reads "
            "as more calls of the hops it needs, not as another mix. Have whoever receives them "
            "set http.route."
        )
