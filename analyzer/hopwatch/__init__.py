"""hopwatch: a stopwatch for every hop of a request.

    >>> import hopwatch
    >>> ledger = hopwatch.attribute(hopwatch.read("traces.json"))   # doctest: +SKIP
    >>> ledger.mean_ns, ledger.group_by("hop", "language", "kind")  # doctest: +SKIP

Everything heavy is imported when it is first used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from hopwatch.attribution import Ledger, Options

__all__ = ["__version__", "attribute", "read"]

__version__ = "0.1.0"


def read(*paths: str | os.PathLike[str]) -> pa.Table:
    """The spans of files or folders as one span table (`hopwatch.spans.SCHEMA`).

    Spans that cannot be kept are left out; `hopwatch.formats.read_files` says which and why.
    Raises InputError for what cannot be read at all.
    """
    from hopwatch.formats import read_files

    return read_files(paths).table


def attribute(table: pa.Table, options: Options | None = None) -> Ledger:
    """The ledger of all requests in a span table. See `hopwatch.attribution.attribute`."""
    from hopwatch.attribution import Options, attribute

    return attribute(table, options or Options())
