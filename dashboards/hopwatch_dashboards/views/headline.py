"""Two sentences: what dominates, and what changed lately."""

from __future__ import annotations

from hopwatch.attribution import Ledger
from hopwatch.reports.numbers import count
from hopwatch.reports.words import kind_phrase, what_dominates, what_it_says
from hopwatch_dashboards.theme import readable, time
from hopwatch_dashboards.views.changes import Change, Verdict, lately
from hopwatch_dashboards.views.windows import SECOND, Window


def headline(ledger: Ledger, window: Window) -> tuple[str, str]:
    """The two sentences, as plain text (it quotes names that came with spans)."""
    dominant = what_dominates(ledger) if ledger.total_ns else what_it_says(ledger)
    return readable(dominant, 600), _changed(lately(ledger, window))


def _changed(verdict: Verdict) -> str:
    n = count(verdict.requests, "request")
    if not verdict.enough:
        return f"Too few requests to say what changed lately (n = {verdict.requests:,})."
    if verdict.change is None:
        return f"Nothing changed lately beyond noise (n = {n})."
    return _sentence(verdict.change)


def _sentence(change: Change) -> str:
    hop, language, kind = change.row
    code = f" ({language})" if language not in ("-", "unknown") else ""
    rose = change.row_mean >= change.row_mean_before
    return (
        f"In the last {_length(change.late_ns)} (n = {change.requests:,}) a request takes "
        f"{time(change.mean)}, against {time(change.mean_before)} before "
        f"(n = {change.requests_before:,}); beyond noise, "
        f"{readable(kind_phrase(kind, hop), 300)}{readable(code)} "
        f"{'rose' if rose else 'fell'} from {time(change.row_mean_before)} to "
        f"{time(change.row_mean)}."
    )


def _length(ns: int) -> str:
    seconds = round(ns / SECOND)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds} s"
