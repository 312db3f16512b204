"""Sampled requests, counted as often as they stand for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from hopwatch.attribution import Ledger


def weighed(ledger: Ledger, table: pa.Table, *columns: str) -> pa.Table:
    """The ledger's cells or requests, or some rows of them, with every row of these columns
    times its weight, as float64; as they are where every request stands for itself."""
    if not ledger.is_weighted:
        return table
    by_threshold, unit = ledger.weights
    said, place = np.unique(table["sampling_threshold"].to_numpy(), return_inverse=True)
    weight = np.array([by_threshold[int(threshold)] / unit for threshold in said])[place]
    for name in columns:
        values = pa.array(table[name].to_numpy() * weight)
        table = table.set_column(table.schema.get_field_index(name), name, values)
    return table


def requests(ledger: Ledger) -> int:
    """How many requests there were: those that were kept, as often as they stand for."""
    return round(ledger.weighted_requests)
