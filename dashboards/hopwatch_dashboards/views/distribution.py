"""How long requests take, end to end: a histogram over the logarithm of the time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hopwatch.attribution import Ledger, buckets
from hopwatch_dashboards.views.weights import weighed

_BARS_PER_DECADE = 12


def histogram(ledger: Ledger) -> pd.DataFrame:
    """low, high (ms), requests, upto (the share of requests at most that long), middle (the
    share up to the bar's middle request), exemplar (trace id in hex): one row a bar."""
    kept = weighed(ledger, ledger.requests, "requests")
    grouped = kept.group_by("bucket").aggregate([("requests", "sum"), ("exemplar_trace_id", "min")])
    found: pd.DataFrame = grouped.to_pandas()
    columns = ["low", "high", "requests", "upto", "middle", "exemplar"]
    if found.empty:
        return pd.DataFrame(columns=columns)
    ns = found["bucket"].map(buckets.middle).to_numpy(dtype=float)
    found["bar"] = np.floor(np.log10(np.maximum(ns, 1)) * _BARS_PER_DECADE).astype(int)
    bars = found.groupby("bar", sort=True).agg(
        requests=("requests_sum", "sum"), exemplar=("exemplar_trace_id_min", "min")
    )
    low = 10 ** (bars.index.to_numpy() / _BARS_PER_DECADE) / 1e6
    bars["low"] = low
    bars["high"] = low * 10 ** (1 / _BARS_PER_DECADE)
    total = bars["requests"].sum()
    seen = bars["requests"].cumsum()
    bars["upto"] = seen / total
    bars["middle"] = (seen - bars["requests"] / 2) / total
    bars["exemplar"] = bars["exemplar"].map(bytes.hex)
    return bars.reset_index(drop=True)[columns]


def percentile_word(share: float) -> str:
    """The percentile that a share of requests stands for, as `p93` or `p99.2`."""
    percent = min(max(100 * share, 0.1), 99.9)
    return (
        f"p{percent:.1f}".removesuffix(".0") if percent > 99 or percent < 1 else f"p{percent:.0f}"
    )
