"""What a request spends, block by block: ms by hop, request rate, p50 and p95."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hopwatch.attribution import Ledger, buckets
from hopwatch_dashboards.views.blocks import Blocks, Floats, Key, in_blocks, summed
from hopwatch_dashboards.views.weights import weighed
from hopwatch_dashboards.views.windows import Window

OTHERS: Key = ("others", "-", "self")


def by_hop(ledger: Ledger, window: Window, step: int, most: int = 12) -> pd.DataFrame:
    """time, hop, language, kind, ms: mean ms per request in each block of `step` ns, per row of
    the ledger by hop, language and kind; the `most` dearest, the rest
    as `OTHERS`. Blocks without requests have 0 ms."""
    blocks = in_blocks(ledger, window, step)
    times, rows = blocks.times, list(blocks.rows)
    if len(rows) > most:
        order = np.argsort(-times.sum(axis=1), kind="stable")
        kept, rest = order[: most - 1], order[most - 1 :]
        times = np.vstack([times[kept], times[rest].sum(axis=0)])
        rows = [*(rows[i] for i in kept), OTHERS]
    return _frame(Blocks(rows, times, blocks.requests), window, step)


def of_hop(ledger: Ledger, window: Window, step: int, name: str) -> pd.DataFrame:
    """The same of the rows of one hop alone."""
    blocks = in_blocks(ledger, window, step)
    its = [i for i, (hop, _, _) in enumerate(blocks.rows) if hop == name]
    rows = [blocks.rows[i] for i in its]
    return _frame(Blocks(rows, blocks.times[its], blocks.requests), window, step)


def _frame(blocks: Blocks, window: Window, step: int) -> pd.DataFrame:
    ms = blocks.times / np.maximum(blocks.requests, 1) / 1e6
    time = _times(np.arange(len(blocks.requests)), window, step)
    columns = {
        name: np.repeat([row[i] for row in blocks.rows], len(time))
        for i, name in enumerate(("hop", "language", "kind"))
    }
    return pd.DataFrame(
        {"time": time.append([time] * (len(blocks.rows) - 1)), **columns, "ms": ms.ravel()}
    )


def requests(ledger: Ledger, window: Window, step: int) -> pd.DataFrame:
    """time, rate (requests a second), failed (a second), p50, p95 (ms; NaN without requests):
    one row a block, blocks without requests among them."""
    kept = weighed(ledger, ledger.requests, "requests")
    counts = summed(kept, window, step, ["outcome", "bucket"], "requests")
    block, bucket = (counts[name].to_numpy().astype(np.int64) for name in ("block", "bucket"))
    number = counts["requests_sum"].to_numpy()
    size = max(1, -(-(window.end - window.start) // step))
    failed = np.where(counts["outcome"].to_numpy(zero_copy_only=False) == "error", number, 0)
    seconds = step / 1e9
    order = np.lexsort((bucket, block))
    columns = (block[order], bucket[order], number[order])
    return pd.DataFrame(
        {
            "time": _times(np.arange(size), window, step),
            "rate": np.bincount(block, number, size) / seconds,
            "failed": np.bincount(block, failed, size) / seconds,
            "p50": _quantiles(*columns, size, 0.5),
            "p95": _quantiles(*columns, size, 0.95),
        }
    )


def _quantiles(
    block: np.ndarray, bucket: np.ndarray, number: np.ndarray, size: int, q: float
) -> Floats:
    """Nearest-rank quantile of each block in ms; rows are sorted by block and bucket."""
    total = np.bincount(block, number, size)
    before = np.concatenate([[0.0], np.cumsum(total)[:-1]])
    rank = np.ceil(total * q) + before
    found = np.full(size, np.nan)
    full = np.flatnonzero(total)
    rows = np.searchsorted(np.cumsum(number), rank[full])
    found[full] = [buckets.middle(int(b)) / 1e6 for b in bucket[rows]]
    return found


def _times(blocks: np.ndarray, window: Window, step: int) -> pd.DatetimeIndex:
    return pd.to_datetime(window.start + blocks * step, unit="ns", utc=True)
