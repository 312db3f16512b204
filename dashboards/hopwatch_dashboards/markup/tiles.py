"""Figures with a name and a short explanation."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from hopwatch.attribution import Ledger
from hopwatch.attribution.ledger import Percentile
from hopwatch_dashboards import navigation, theme
from hopwatch_dashboards.views import weights


class Tile(NamedTuple):
    """One figure. `trace`: an exemplar's id; empty for none."""

    label: str
    value: str
    detail: str
    help: str
    trace: str = ""


def tiles(*shown: Tile) -> Markup:
    """The figures side by side; those with an exemplar lead to it."""
    return Markup('<dl class="tiles">{}</dl>').format(Markup("").join(map(_tile, shown)))


def of_ledger(ledger: Ledger) -> Markup:
    """Requests, the mean, and percentiles with their intervals."""
    percentiles = [
        Tile(
            f"p{round(100 * q)}",
            theme.time(point.value),
            _interval(point),
            f"{round(100 * q)} % of requests take at most this long; below, the interval that"
            " holds it with 95 % confidence",
            (ledger.exemplar(q) or b"").hex(),
        )
        for q in (0.5, 0.9, 0.95, 0.99)
        if (point := ledger.percentile(q)) is not None
    ]
    return tiles(
        _requests(ledger),
        Tile("mean", theme.time(ledger.mean_ns), "end to end", "the sum of the ledger's rows"),
        *percentiles,
    )  # fmt: skip


def _requests(ledger: Ledger) -> Tile:
    kept, failed = f"{ledger.request_count:,}", f"{ledger.failed_count:,} failed"
    if not ledger.is_weighted:
        return Tile("requests", kept, failed, "root spans in this window")
    return Tile(
        "requests", f"about {weights.requests(ledger):,}", f"{kept} kept, of them {failed}",
        "how many there were, by the probability with which each that was kept was sampled; all"
        " figures count it as often as it stands for",
    )  # fmt: skip


def trace_link(trace_id: bytes | str) -> Markup:
    """A trace by the start of its id."""
    text = trace_id.hex() if isinstance(trace_id, bytes) else trace_id
    return Markup('<a href="{}" aria-label="{}">{}</a>').format(
        navigation.trace_url(text), f"trace {text}", text[:8]
    )


def _tile(tile: Tile) -> Markup:
    value = Markup("{}").format(tile.value)
    if tile.trace:
        value = Markup('<a href="{}" aria-label="{}">{}</a>').format(
            navigation.trace_url(tile.trace), f"{tile.label} {tile.value}: an exemplar trace", value
        )
    return Markup('<div><dt title="{}">{}</dt><dd>{}<small>{}</small></dd></div>').format(
        tile.help, theme.readable(tile.label), value, tile.detail
    )


def _interval(point: Percentile) -> str:
    if point.low is not None and point.high is not None:
        return f"{theme.time(point.low)} to {theme.time(point.high)}"
    if point.low is not None:
        return f"more than {theme.time(point.low)}"
    return f"less than {theme.time(point.high)}" if point.high is not None else "too few to say"
