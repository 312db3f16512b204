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

Before and after a change; of ledgers, span tables, files or saved baselines:

    >>> found = hopwatch.compare(ledger, spans)
    >>> sum(term.ns for term in found.terms) == found.delta_ns
    True
    >>> found.verdict                                             # one request tells nothing
    'inconclusive'

A notebook shows a comparison, a ledger, a breakdown, call paths and a request as tables. Times are
integer ns. Everything heavy is imported when it is first used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

    from hopwatch.attribution import Attribution, Ledger, Options, Selection, Stacks
    from hopwatch.attribution.failures import Failures
    from hopwatch.attribution.quantile import at_mean, at_quantile, of_slowest
    from hopwatch.comparison import Comparison, Stated

__all__ = [
    "Attribution",
    "Comparison",
    "Ledger",
    "Options",
    "Selection",
    "Stacks",
    "__version__",
    "at_mean",
    "at_quantile",
    "attribute",
    "compare",
    "of_slowest",
    "read",
]

__version__ = "0.1.0"

_HOMES: Final = {
    **dict.fromkeys(
        ("Attribution", "Ledger", "Options", "Selection", "Stacks"), "hopwatch.attribution"
    ),
    "Comparison": "hopwatch.comparison",
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


def compare(
    before: Ledger | pa.Table | str | os.PathLike[str],
    after: Ledger | pa.Table | str | os.PathLike[str],
    *,
    margin: float = 0.05,
    confidence: float = 0.95,
    mapping: Stated | str | os.PathLike[str] | None = None,
) -> Comparison:
    """What changed from before to after, in terms that add up, and whether that is more than
    chance.

    Where failures begin is told of sides that have spans, which a ledger has not. A side is a
    ledger, a span table, or what `read` takes: a file, a folder, a backend; or a file
    of `hopwatch baseline save`. margin: a relative change that is of no consequence. mapping:
    names that changed, where that is not found by itself, or a file of them
    (`hopwatch.checks.mapping`).

    Raises InputError for what cannot be read and for a side without requests, UsageError for
    options and names that do not fit.
    """
    from hopwatch import comparison

    if isinstance(mapping, (str, os.PathLike)):
        from pathlib import Path

        from hopwatch.checks.mapping import read_mapping

        mapping = read_mapping(Path(mapping))
    options = comparison.Options(margin=margin, confidence=confidence)
    (before, failed_before), (after, failed_after) = _side(before), _side(after)
    failures = (failed_before, failed_after) if failed_before and failed_after else None
    return comparison.compare(before, after, options, mapping, failures)


def _side(side: Ledger | pa.Table | str | os.PathLike[str]) -> tuple[Ledger, Failures | None]:
    """The ledger of a side of a comparison, and where its requests failed, if it has spans."""
    from hopwatch.attribution import Attribution, Ledger
    from hopwatch.comparison import baselines

    if isinstance(side, Ledger):
        return side, None
    if isinstance(side, (str, os.PathLike)):
        if baselines.is_baseline(side):
            return baselines.load(side)[0], None
        side = read(side)
    attribution = Attribution(side)
    return attribution.ledger(), attribution.where_failed()
