"""What spans say they follow from, beside their parents: span links.

Asynchronous work begins with a span that nobody waits for: a CONSUMER, or a span whose only
reference is a FOLLOWS_FROM (OpenTracing's; kept as a link that says so in `opentracing.ref_type`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_REFERENCE: Final = "opentracing.ref_type"
_FOLLOWS: Final = "follows_from"


class Links(NamedTuple):
    """A span's links. targets: (trace id, span id) of each, as they come. follows: whether one of
    them is a FOLLOWS_FROM."""

    targets: tuple[tuple[bytes, bytes], ...]
    follows: bool


NO_LINKS: Final = Links((), False)


def of_rows(table: pa.Table, rows: Iterable[int] | None = None) -> dict[int, Links]:
    """The links of those of the rows (None: of all) that have any, by row."""
    column = table["links"]
    some = _with_links(column)
    if rows is not None:
        some = some[np.isin(some, np.fromiter(rows, np.int64))]
    found = column.take(pa.array(some, pa.int64())).to_pylist()
    return {row: _read(links) for row, links in zip(some.tolist(), found, strict=True)}


def _with_links(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The rows that have links."""
    found = [np.empty(0, np.int64)]
    first = 0
    for chunk in column.chunks:
        lengths = chunk.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        found.append(first + np.flatnonzero(lengths))
        first += len(chunk)
    return np.concatenate(found)


def _read(links: list[Mapping[str, Any]]) -> Links:
    return Links(
        tuple((link["trace_id"], link["span_id"]) for link in links if link is not None),
        any(
            key == _REFERENCE and text.lower() == _FOLLOWS
            for link in links
            if link is not None
            for key, text in link["attributes"] or ()
        ),
    )
