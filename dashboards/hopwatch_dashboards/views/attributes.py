"""Attributes by which requests can be told apart: a version, a canary's flag."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

_FIRST: Final = ("hopwatch.side", "service.version", "deployment.environment.name")
_NEVER: Final = ("service.name", "service.instance.id", "host.name", "process.", "telemetry.")
"""Keys, or beginnings of keys, that tell processes apart, not requests."""
_MOST_VALUES: Final = 50
_LOOKED_AT: Final = 100_000


def by_key(attributes: pa.ChunkedArray) -> dict[str, tuple[str, ...]]:
    """The texts, ascending, of each key that has two or more (at most 50) in a column of
    attribute maps, likely keys first. Of many rows every n-th is looked at."""
    rows = np.arange(0, len(attributes), max(1, -(-len(attributes) // _LOOKED_AT)))
    found: dict[str, set[str]] = {}
    for chunk in attributes.take(pa.array(rows)).chunks:
        texts = {"key": chunk.keys.cast(pa.string()), "value": chunk.items.cast(pa.string())}
        for row in pa.table(texts).group_by(["key", "value"]).aggregate([]).to_pylist():
            found.setdefault(row["key"], set()).add(row["value"])
    keys = [
        key
        for key, texts in found.items()
        if 2 <= len(texts) <= _MOST_VALUES and not key.startswith(_NEVER)
    ]
    rank = {key: place for place, key in enumerate(_FIRST)}
    keys.sort(key=lambda key: (rank.get(key, len(rank)), key))
    return {key: tuple(sorted(found[key])) for key in keys}
