"""A trace to look at for each row of a view: one in which the row is as it usually is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import Ledger

_REQUEST_KEYS = ("block_start_unix_nano", "route", "outcome", "bucket")


def exemplars(
    ledger: Ledger, keys: tuple[str, ...], wanted: list[tuple[str, ...]]
) -> dict[tuple[str, ...], str]:
    """Trace id in hex for each of the `wanted` rows that has requests: of a request whose cell
    in that row is closest to the row's mean cell, the dearer ones weighing more."""
    cells = ledger.cells
    if not cells.num_rows or not keys:
        return {}
    codes, names = _codes(cells, keys)
    blamed = cells["blamed_ns"].to_numpy().astype(np.float64)
    # Σ x² / Σ x: the cell that a random ns of the row lies in, so that rare large ones are not
    # outvoted by the many that cost nothing.
    total = np.bincount(codes, blamed, len(names))
    typical = np.bincount(codes, blamed * blamed, len(names)) / np.maximum(total, 1)
    distance = np.abs(blamed - typical[codes])
    nearest = np.full(len(names), np.inf)
    np.minimum.at(nearest, codes, distance)
    first = np.full(len(names), len(codes))
    hits = np.flatnonzero(distance == nearest[codes])
    np.minimum.at(first, codes[hits], hits)
    found = {}
    for name, row in zip(names, first.tolist(), strict=True):
        if name in wanted:
            found[name] = _exemplar(ledger.requests, cells.slice(row, 1).to_pylist()[0])
    return found


def _codes(table: pa.Table, keys: tuple[str, ...]) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Each row's number among the distinct keys, and these."""
    code = np.zeros(table.num_rows, dtype=np.int64)
    names: list[tuple[str, ...]] = [()]
    for key in keys:
        column = table[key].combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        texts = column.dictionary.to_pylist()
        combined = code * len(texts) + column.indices.to_numpy(zero_copy_only=False)
        distinct, code = np.unique(combined, return_inverse=True)
        names = [(*names[c // len(texts)], texts[c % len(texts)]) for c in distinct.tolist()]
    return code, names


def _exemplar(requests: pa.Table, cell: dict[str, object]) -> str:
    for key in _REQUEST_KEYS:
        requests = requests.filter(pc.equal(requests[key], pa.scalar(cell[key])))
    trace_id: bytes = requests["exemplar_trace_id"][0].as_py()
    return trace_id.hex()
