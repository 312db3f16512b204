"""hopwatch: a stopwatch for every hop of a request.

    >>> import hopwatch
    >>> spans = hopwatch.read("docs/examples/one-request.json")
    >>> ledger = hopwatch.attribute(spans)
    >>> ledger.request_count, ledger.total_ns == sum(ledger.to_arrow()["blamed_ns"].to_pylist())
    (1, True)

What can be asked of the result:

    >>> mean = hopwatch.at_mean(ledger, "hop", "kind")            # at_quantile, of_slowest
    >>> sum(share.ns for share in mean.shares) == mean.total_ns
    True
    >>> frame = mean.to_pandas()                                  # or to_arrow()
    >>> paths = hopwatch.Attribution(spans).stacks()              # by call path: a flame graph
    >>> requests = list(hopwatch.Attribution(spans).requests())   # each span of each request

A notebook shows a ledger, a breakdown, call paths and a request as tables. Times are integer ns.
Everything heavy is imported when it is first used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

    from hopwatch.attribution import Attribution, Ledger, Options, Selection, Stacks
    from hopwatch.attribution.quantile import at_mean, at_quantile, of_slowest

__all__ = [
    "Attribution",
    "Ledger",
    "Options",
    "Selection",
    "Stacks",
    "__version__",
    "at_mean",
    "at_quantile",
    "attribute",
    "of_slowest",
    "read",
]

__version__ = "0.1.0"

_HOMES: Final = {
    **dict.fromkeys(
        ("Attribution", "Ledger", "Options", "Selection", "Stacks"), "hopwatch.attribution"
    ),
    **dict.fromkeys(("at_mean", "at_quantile", "of_slowest"), "hopwatch.attribution.quantile"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def read(*paths: str | os.PathLike[str]) -> pa.Table:
    """The spans of files, folders and running backends (such as
    `jaeger+http://HOST:16686?service=orders&last=15m`) as one span table
    (`hopwatch.spans.SCHEMA`).

    Spans that cannot be kept are left out; `hopwatch.backends.read_contents` says which and why.
    Raises InputError for what cannot be read at all, UsageError where nothing is named.
    """
    from hopwatch.backends import read_contents
    from hopwatch.errors import UsageError
    from hopwatch.signals import SPANS

    if not paths:
        raise UsageError("read() needs a file or a folder of traces")
    return read_contents(paths).of(SPANS).table


def attribute(table: pa.Table, options: Options | None = None) -> Ledger:
    """The ledger of all requests in a span table, as `read` gives it.

    Raises UsageError for what is no Arrow table, InputError for a table without the columns of
    spans. See `hopwatch.attribution.attribute`; `Attribution` answers more than this.
    """
    from hopwatch.attribution import Options, attribute

    return attribute(table, options or Options())
