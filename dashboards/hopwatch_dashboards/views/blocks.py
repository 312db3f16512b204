"""A ledger cut into blocks of time, as matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import Ledger
from hopwatch.attribution.ledger import BLOCK_NS
from hopwatch_dashboards.views.weights import weighed
from hopwatch_dashboards.views.windows import Window

Floats = npt.NDArray[np.float64]
Key = tuple[str, str, str]
_KEYS = ["hop", "language", "kind"]


@dataclass(frozen=True, slots=True)
class Blocks:
    """`times`: ns of each row in each block (rows x blocks); `requests`: of each block.
    Sampled requests count as often as they stand for."""

    rows: list[Key]  # (hop, language, kind), sorted
    times: Floats
    requests: Floats


def covered(ledger: Ledger, window: Window) -> Window:
    """The part of the window from its first request to its last."""
    begins = pc.min_max(ledger.requests["block_start_unix_nano"]).as_py()
    if begins["min"] is None:
        return window
    return Window(max(window.start, begins["min"]), min(window.end, begins["max"] + BLOCK_NS))


def in_blocks(ledger: Ledger, window: Window, step: int) -> Blocks:
    """The ledger in blocks of `step` ns from the window's start; each is exact to a float's 53
    bits."""
    size = max(1, -(-(window.end - window.start) // step))
    counted = summed(weighed(ledger, ledger.requests, "requests"), window, step, [], "requests")
    requests = np.zeros(size)
    requests[counted["block"].to_numpy()] = counted["requests_sum"].to_numpy()
    blamed = weighed(ledger, ledger.cells, "blamed_ns")
    cells = summed(blamed, window, step, _KEYS, "blamed_ns")
    keys = list(zip(*(cells[key].to_pylist() for key in _KEYS), strict=True))
    rows = sorted(set(keys))
    index = {key: i for i, key in enumerate(rows)}
    times = np.zeros((len(rows), size))
    where = np.array([index[key] for key in keys], dtype=np.intp)
    times[where, cells["block"].to_numpy()] = cells["blamed_ns_sum"].to_numpy()
    return Blocks(rows, times, requests)


def summed(table: pa.Table, window: Window, step: int, keys: list[str], measure: str) -> pa.Table:
    """Σ `measure` by `keys` and `block`, the number of the block; what began before the window
    is in the first, what began behind it in the last."""
    last = max(0, (window.end - window.start - 1) // step)
    number = pc.divide(pc.subtract(table["block_start_unix_nano"], window.start), step)
    number = pc.min_element_wise(pc.max_element_wise(number, 0), last)
    with_block = table.append_column("block", number.cast(pa.int64()))
    return with_block.group_by([*keys, "block"]).aggregate([(measure, "sum")])
