"""What changed lately: the end of the window against what was before, where beyond noise.

Requests that follow one another are alike, so time blocks are compared, not requests: the mean
of a side is Σ ns / Σ requests over its blocks, its variance that of the blocks' residuals,
widened by their correlation with the block before (attribution.md section 8). Several ends of
the window are tried, and every row of the ledger; what is called a change is one at 1 % over
all of them together (Bonferroni).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import expm1, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from hopwatch.attribution import Ledger
from hopwatch_dashboards.views.blocks import Floats, Key, covered, in_blocks
from hopwatch_dashboards.views.windows import SECOND, Window

_LATE: Final = (0.05, 0.1, 0.2, 0.35, 0.5)
_FEWEST_BLOCKS: Final = 6
_PER_BLOCK: Final = 10
_LEVEL: Final = 0.01
_LEAST_SHARE: Final = 0.05
"""A change of less than this of the mean request is not worth a sentence."""


@dataclass(frozen=True, slots=True)
class Change:
    """The mean request of the late part against the part before. `row`: the (hop, language,
    kind) that changed most, with its own mean before and after, ns a request."""

    late_ns: int  # how long the late part is
    requests: int
    requests_before: int
    mean: float
    mean_before: float
    row: Key
    row_mean: float
    row_mean_before: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What can be said. `change` None: nothing beyond noise; `enough` False: nothing at all."""

    change: Change | None
    enough: bool
    requests: int


def lately(ledger: Ledger, window: Window) -> Verdict:
    """The clearest change, of all rows and of several ends of the window."""
    n = ledger.request_count
    window = covered(ledger, window)
    block = _block_length(ledger, window)
    if block is None:
        return Verdict(None, False, n)
    blocks = in_blocks(ledger, window, block)
    full = blocks.requests > 0
    rows, times, counts = blocks.rows, blocks.times[:, full], blocks.requests[full]
    splits = _splits(len(counts))
    if not splits:
        return Verdict(None, False, n)
    critical = NormalDist().inv_cdf(1 - _LEVEL / (2 * len(rows) * len(splits)))
    best: tuple[float, Change] | None = None
    for split in splits:
        scores = _scores(times, counts, split, critical)
        mean = times.sum(axis=0)
        before, late = (float(mean[part].sum() / counts[part].sum()) for part in _parts(split))
        for i in np.flatnonzero(scores > 1):
            old, new = (float(times[i, part].sum() / counts[part].sum()) for part in _parts(split))
            if abs(new - old) < _LEAST_SHARE * max(before, late):
                continue
            if best is None or abs(new - old) > best[0]:
                best = abs(new - old), Change(
                    (len(counts) - split) * block, int(counts[split:].sum()),
                    int(counts[:split].sum()), late, before, rows[i], new, old,
                )  # fmt: skip
    return Verdict(best[1] if best else None, True, n)


def _parts(split: int) -> tuple[slice, slice]:
    return slice(None, split), slice(split, None)


def _splits(blocks: int) -> list[int]:
    """Where the late part may begin, with enough blocks on both sides."""
    starts = {blocks - max(_FEWEST_BLOCKS, round(blocks * share)) for share in _LATE}
    return sorted(start for start in starts if start >= _FEWEST_BLOCKS)


def _block_length(ledger: Ledger, window: Window) -> int | None:
    """The shortest length that gives blocks of ten requests; None where there are too few."""
    length = window.end - window.start
    for seconds in (1, 2, 5, 10, 30, 60, 300, 1800):
        blocks = length / (seconds * SECOND)
        if blocks < 2 * _FEWEST_BLOCKS:
            return None
        if ledger.request_count / blocks >= _PER_BLOCK and blocks <= 2000:
            return seconds * SECOND
    return None


def _scores(times: Floats, counts: Floats, split: int, critical: float) -> Floats:
    """|difference of means| / what noise may explain, per row; beyond 1 it is a change."""
    difference, variance = np.zeros(len(times)), np.zeros(len(times))
    for sign, part in zip((-1, 1), _parts(split), strict=True):
        ns, n = times[:, part], counts[part]
        mean = ns.sum(axis=1) / n.sum()
        residual = ns - mean[:, None] * n
        size = len(n)
        scale = size / (size - 1) / n.sum() ** 2
        variance += _inflation(residual) * scale * (residual**2).sum(axis=1)
        difference += sign * mean
    degrees = min(split, times.shape[1] - split) - 1
    bound = _student(critical, degrees) * np.sqrt(np.maximum(variance, 1e-12))
    scores: Floats = np.abs(difference) / bound
    return scores


def _inflation(residual: Floats) -> Floats:
    """By how much the correlation of neighbouring blocks widens the variance, at least 1."""
    size = residual.shape[1]
    energy = np.maximum((residual**2).sum(axis=1), 1e-12)
    lag = (residual[:, 1:] * residual[:, :-1]).sum(axis=1) / energy
    rho = np.clip(lag + (1 + 3 * lag) / size, 0, 0.95)
    inflation: Floats = (1 + rho) / (1 - rho)
    return inflation


def _student(z: float, degrees: int) -> float:
    """The quantile of Student's t that belongs to a normal one (Wallace's approximation, within
    1 % from 5 degrees of freedom on)."""
    scaled = z * (8 * degrees + 3) / (8 * degrees + 1)
    return sqrt(degrees * expm1(scaled * scaled / degrees))
