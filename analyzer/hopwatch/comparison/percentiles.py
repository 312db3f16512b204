"""A percentile of the end-to-end time on two sides, and how sure its change is.

A quantile itself is no smooth function of the requests, so the jackknife fails for it. The share
F(x) of requests up to the quantile is: what the blocks say of it is brought to the scale of times
by the slope of the quantile function around q, as steep as it is over the half-width h over which
a breakdown at q is smoothed (`attribution.quantile`):

    u_b = ln Q(q) + (q - F_b) (ln Q(q + h) - ln Q(q - h)) / 2h

Durations are spread evenly over each bucket, for a step of 1 % would pass for a change.
"""

from __future__ import annotations

from math import log
from typing import Final

import numpy as np

from hopwatch.attribution import Ledger, buckets
from hopwatch.attribution.quantile import NEEDED_BEYOND, TooFewRequestsError, needed
from hopwatch.comparison.blocks import Integers
from hopwatch.comparison.jackknife import Floats, pseudo_values

PERCENTILES: Final = (0.5, 0.9, 0.95, 0.99)


class Durations:
    """The end-to-end times of one side: requests [bucket, block] of duration `found`, which are
    this `share` of the ledger's."""

    def __init__(
        self, ledger: Ledger, found: Integers, by_block: Floats, share: float = 1.0
    ) -> None:
        self._ledger, self._by_block, self._share = ledger, by_block, share
        bounds = np.array([0, *buckets.BOUNDS], np.float64)
        self._low, self._high = bounds[found], bounds[found + 1]
        self._ends = np.cumsum(self._by_block.sum(axis=1))

    def quantile(self, q: float) -> float:
        """The q-quantile, ns.

        Raises TooFewRequestsError where fewer than 200 requests lie beyond it.
        """
        n = self._requests(q)
        if n < needed(q):
            raise TooFewRequestsError(q, needed(q), int(n), self._ledger.is_weighted)
        return self._at(q)

    def pseudo_logs(self, q: float) -> Floats:
        """Pseudo-values of the logarithm of the q-quantile, one a block."""
        value = self._at(q)
        beyond = min(q, 1 - q)
        reach = min(beyond, max(beyond / 5, NEEDED_BEYOND / self._requests(q))) * (1 - 1e-9)
        slope = (log(self._at(q + reach)) - log(self._at(q - reach))) / (2 * reach)
        inside = np.clip((value - self._low) / (self._high - self._low), 0, 1)
        below = inside @ self._by_block
        counts = self._by_block.sum(axis=0)
        shares = (below.sum() - below) / (counts.sum() - counts)
        found: Floats = log(value) + slope * (q - pseudo_values(q, shares))
        return found

    def _requests(self, q: float) -> float:
        return self._share * self._ledger.effective_requests(q)

    def _at(self, q: float) -> float:
        wanted = q * self._ends[-1]
        at = int(min(np.searchsorted(self._ends, wanted), len(self._ends) - 1))
        start = self._ends[at - 1] if at else 0.0
        share = (wanted - start) / (self._ends[at] - start)
        return max(1.0, float(self._low[at] + share * (self._high[at] - self._low[at])))
