"""The tail in two sentences, and what there are too few requests to say."""

from __future__ import annotations

from hopwatch.attribution import Ledger
from hopwatch.attribution.quantile import Breakdown, at_mean, of_slowest
from hopwatch.reports.numbers import count
from hopwatch.reports.words import kind_phrase
from hopwatch_dashboards.theme import readable, share, time
from hopwatch_dashboards.views.breakdown import MEAN, broken_down, counted, slowest_count
from hopwatch_dashboards.views.tail import PERCENTILES, answerable, needed, usual_pair

_KEYS = ("hop", "language", "kind")


def headline(ledger: Ledger) -> tuple[str, str]:
    """The slowest against all, and a high percentile against the median, as plain text (it
    quotes names that came with spans)."""
    slowest = of_slowest(ledger, 0.01, *_KEYS)
    few = count(slowest_count(ledger, 0.01), "request")
    first = (
        f"The slowest 1 % ({few} of {ledger.request_count:,}) take {time(slowest.total_ns)},"
        f" against {time(ledger.mean_ns)} of the mean request"
        f"{_mostly(at_mean(ledger, *_KEYS), slowest)}."
    )
    low, high = usual_pair(ledger)
    if low == MEAN:
        return first, (
            f"Percentiles by hop need {needed('p50'):,} requests (p50) to {needed('p99'):,} (p99);"
            f" here are {counted(ledger)}."
        )
    before, after = (broken_down(ledger, word, _KEYS)[0] for word in (low, high))
    more = after.total_ns - before.total_ns
    return first, (
        f"A request at {high} takes {time(after.total_ns)}, {time(more)} more than one at {low}"
        f"{_mostly(before, after)}."
    )


def refused(ledger: Ledger) -> str:
    """Which percentiles there are too few requests for, and how many they need; empty for none."""
    missing = [word for word in PERCENTILES if word not in answerable(ledger)]
    if not missing:
        return ""
    wants = ", ".join(f"{word} needs {needed(word):,}" for word in missing)
    return (
        f"A percentile is broken down where 200 requests or more lie beyond it: {wants};"
        f" here are {counted(ledger)}."
    )


def _mostly(before: Breakdown, after: Breakdown) -> str:
    """What has grown most, as the end of a sentence."""
    usual = {row.key: row.ns for row in before.shares}
    grown = [(row.ns - usual.get(row.key, 0), row.key) for row in after.shares]
    more_ns, (hop, language, kind) = max(grown, key=lambda row: (row[0], row[1]))
    total = after.total_ns - before.total_ns
    if more_ns <= 0 or total <= 0:
        return ""
    code = f" ({language})" if language not in ("-", "unknown") else ""
    part = f", {share(more_ns, total)} of the difference" if more_ns <= total else ""
    return readable(f"; {kind_phrase(kind, hop)}{code} grows most, by {time(more_ns)}{part}", 500)
