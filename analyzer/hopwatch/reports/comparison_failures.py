"""Where failures begin, before and after, as lines and a table (see `comparison_sections`)."""

from __future__ import annotations

from collections.abc import Iterator

from hopwatch.comparison import Comparison
from hopwatch.comparison.blocks import BLOCKS
from hopwatch.comparison.origins import FailureOrigin, ShareEffect
from hopwatch.comparison.verdict import percent
from hopwatch.reports.comparison_figures import interval_title
from hopwatch.reports.comparison_lines import Line, Name, Row, Section
from hopwatch.reports.numbers import count


def where_failures_begin(found: Comparison) -> Iterator[Line]:
    """In which hop the most of the new failures begin, where more requests certainly fail there;
    and in which more are masked."""
    origins = found.failure_origins or ()
    new = sum(origin.failed.change for origin in origins if origin.failed.change > 0)
    risen = [origin for origin in origins if origin.failed.low > 0]
    if risen:
        first = max(risen, key=lambda origin: origin.failed.change)
        most = "Most of the" if 2 * first.failed.change > new else "Many of the"
        yield (f"{most} new failures begin in ", *_place(first), f": {_shares(first.failed)}.")
    masked = [origin for origin in origins if origin.masked.low > 0]
    if masked:
        first = max(masked, key=lambda origin: origin.masked.change)
        shares = _shares(first.masked)
        yield ("More often something fails, though the request ends well, in ", *_place(first),
               f": {shares}.")  # fmt: skip


def failure_section(found: Comparison, most: int) -> Section:
    """Empty where nothing failed."""
    title = "Where failures begin"
    if found.failure_origins is None:
        failed = found.before.failed_share or found.after.failed_share
        unknown = "Not known: a side is a baseline or a ledger, which has no spans."
        return Section(title, lines=((unknown,),) if failed else ())
    rows = tuple(
        Row(
            (Name(origin.hop),),
            (*_figures(origin.failed), *_figures(origin.masked)),
        )
        for origin in found.failure_origins[:most]
    )  # fmt: skip
    columns = "failed", "change, points", "masked", "its change"
    return Section(title, ("hop",), columns, rows, tuple(_notes(found, most)) if rows else ())


def _notes(found: Comparison, most: int) -> Iterator[Line]:
    origins = found.failure_origins or ()
    if (left := len(origins) - most) > 0:
        yield (f"{count(left, 'hop')} more; --top shows them, and --json.",)
    yield (
        "Shares of all requests. Failed: those that failed, and began to fail here; together, all "
        "that failed. Masked: those that ended well though something failed here. Changes: "
        f"{interval_title(found)}s, which hold together.",
    )
    if min(found.before.seconds, found.after.seconds) < BLOCKS:
        yield (
            "There is too little time for blocks: these intervals hold if requests fail "
            "independently of each other.",
        )


def _place(origin: FailureOrigin) -> Line:
    if origin.unanswered:
        return Name(origin.hop), ", which did not answer ", Name(origin.caller)
    if origin.kind in ("gap", "remote"):
        return Name(origin.hop), ", called by ", Name(origin.caller)
    return Name(origin.hop), ", ", Name(origin.operation)


def _shares(share: ShareEffect) -> str:
    before, after = (percent(float(side)) for side in (share.before, share.after))
    return f"{before} of requests before, {after} after"


def _figures(share: ShareEffect) -> tuple[str, str]:
    if not share.requests_before and not share.requests_after:
        return "", ""
    before, after = (percent(float(side)) for side in (share.before, share.after))
    return f"{before} -> {after}", f"{100 * share.low:+.1f} to {100 * share.high:+.1f}"
