"""Where failures begin, before and after, as a table."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from hopwatch.comparison import Comparison
from hopwatch.comparison.origins import ShareEffect
from hopwatch.comparison.verdict import percent
from hopwatch_dashboards.markup.names import name
from hopwatch_dashboards.markup.tables import Column, table

_DASH: Final = "\N{EN DASH}"
_MINUS: Final = "\N{MINUS SIGN}"


def failures(found: Comparison) -> Markup:
    """In which hops failures began."""
    columns = [
        Column("hop", "where a failure began: what failed above it passed the failure on", "name"
               " first"),
        Column("failed", "share of all requests that failed, and began to fail here, before and"
               " after; the rows add up to all that failed", "figure"),
        Column("change", "interval of the change, in percentage points; all intervals of this table"
               " hold together", "figure quiet"),
        Column("masked", "share of all requests that ended well though something failed here: it"
               " was repeated, something stood in for it, or nobody minded", "figure"),
        Column("change", "as for those that failed", "figure quiet"),
    ]  # fmt: skip
    rows = [
        [name(origin.hop, 80), *_shares(origin.failed), *_shares(origin.masked)]
        for origin in (found.failure_origins or ())[:20]
    ]
    return table(columns, rows)


def _shares(share: ShareEffect) -> tuple[str, str]:
    if not share.requests_before and not share.requests_after:
        return _DASH, _DASH
    before, after = (percent(float(side)) for side in (share.before, share.after))
    low, high = (f"{100 * end:+.1f}".replace("-", _MINUS) for end in (share.low, share.high))
    return f"{before} → {after}", f"{low} to {high}"
