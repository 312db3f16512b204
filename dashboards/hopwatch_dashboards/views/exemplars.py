"""A trace to look at for each row of a view: one in which the row is as it usually is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import Ledger, buckets
from hopwatch_dashboards.views.breakdown import MEAN, percentile_of, quantile_of

_REQUEST_KEYS: Final = ["block_start_unix_nano", "route", "outcome", "bucket"]
_BETWEEN: Final = "\x00"


def exemplars(
    ledger: Ledger,
    keys: tuple[str, ...],
    wanted: Iterable[tuple[str, ...]],
    at: str = MEAN,
) -> dict[tuple[str, ...], str]:
    """Trace id in hex for each of the `wanted` rows that has requests (around the percentile
    `at`): of one whose cell in that row is as the row's usually are, the dearer ones weighing
    more."""
    cells = _around(ledger, at)
    if not cells.num_rows:
        return {}
    texts = [cells[key].cast(pa.string()) for key in keys]
    rows = pc.binary_join_element_wise(*texts, _BETWEEN).combine_chunks().dictionary_encode()
    code = rows.indices.to_numpy()
    blamed = cells["blamed_ns"].to_numpy().astype(np.float64)
    # Sum of squares / sum: the cell that a random ns of the row lies in, so that the few that
    # cost much are not outvoted by the many that cost nothing.
    total = np.maximum(np.bincount(code, blamed), 1)
    typical = np.bincount(code, blamed * blamed) / total
    distance = np.abs(blamed - typical[code])
    nearest = np.full(len(total), np.inf)
    np.minimum.at(nearest, code, distance)
    hits = np.flatnonzero(distance == nearest[code])
    found, first = np.unique(code[hits], return_index=True)
    cell_of = dict(zip((rows.dictionary[i].as_py() for i in found), hits[first], strict=True))
    return {
        key: _exemplar(ledger.requests, cells.slice(cell_of[name], 1))
        for key in wanted
        if (name := _BETWEEN.join(key)) in cell_of
    }


def of_length(ledger: Ledger, word: str) -> str:
    """A trace, in hex, that is as long as the statistic; for the mean, as the median. Empty
    without requests."""
    q = quantile_of(percentile_of(word))
    return (ledger.exemplar(0.5 if q is None else q) or b"").hex()


def _around(ledger: Ledger, at: str) -> pa.Table:
    """The cells of the requests that are about as long as that of the percentile."""
    q = quantile_of(percentile_of(at))
    if q is None:
        return ledger.cells
    reach = min(q, 1 - q) / 2
    bucket = ledger.cells["bucket"]
    low, high = (ledger.percentile(q + sign * reach) for sign in (-1, 1))
    if low is None or high is None:
        return ledger.cells
    return ledger.cells.filter(
        pc.and_(
            pc.greater_equal(bucket, buckets.of(low.value)),
            pc.less_equal(bucket, buckets.of(high.value)),
        )
    )


def _exemplar(requests: pa.Table, cell: pa.Table) -> str:
    for key in _REQUEST_KEYS:
        requests = requests.filter(pc.equal(requests[key], cell[key][0]))
    trace_id: bytes = requests["exemplar_trace_id"][0].as_py()
    return trace_id.hex()
