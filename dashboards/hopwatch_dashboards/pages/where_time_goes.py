"""Where the time of requests goes: in words, as a path, as a ledger, over time."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from hopwatch.attribution import Ledger
from hopwatch_dashboards import controls, markup, snapshot, states, theme
from hopwatch_dashboards.charts import distribution as distribution_chart
from hopwatch_dashboards.charts import over_time as time_charts
from hopwatch_dashboards.controls import Chosen
from hopwatch_dashboards.markup import ledger as ledger_markup
from hopwatch_dashboards.markup import names, tiles
from hopwatch_dashboards.markup import path as path_markup
from hopwatch_dashboards.snapshot import Snapshot
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.views import breakdown, distribution, over_time, windows
from hopwatch_dashboards.views.exemplars import exemplars
from hopwatch_dashboards.views.headline import headline
from hopwatch_dashboards.views.path import request_path
from hopwatch_dashboards.views.selection import filtered

_STATISTICS = ["mean", "p50", "p90", "p95", "p99"]


def render(source: Source) -> None:
    st.title("Where the time goes")
    chosen = controls.show(source)
    every = controls.LIVE_SECONDS if chosen.live else None
    st.fragment(_body, run_every=every)(source, chosen)


def _body(source: Source, chosen: Chosen) -> None:
    taken = controls.take(source, chosen)
    ledger = filtered(snapshot.ledger(taken, source), chosen.filters)
    if not ledger.request_count:
        extent = source.extent()
        states.no_requests(source, extent.min_start_ns or 0, extent.max_start_ns or 0)
        return
    _words(ledger, taken)
    _path(ledger)
    left, right = st.columns([3, 2], gap="large")
    with right:
        _distribution(ledger)
    with left:
        _ledger(ledger)
    _over_time(ledger, taken)


def _words(ledger: Ledger, taken: Snapshot) -> None:
    content = names.sentences(*headline(ledger, taken.window))
    markup.show(content + tiles.of_ledger(ledger), key="words")


def _path(ledger: Ledger) -> None:
    st.subheader("The request path", help="Each hop and each way between hops, callers first, as"
                 " wide as its part of the mean request. A hop leads to its page.")  # fmt: skip
    strip = path_markup.strip(
        request_path(ledger), ledger.request_count, controls.kept_parameters()
    )
    markup.show(strip, key="path")


def _ledger(ledger: Ledger) -> None:
    st.subheader("The ledger", help="Only time on the critical path counts: what a request truly"
                 " waited for. The rows add up to the end-to-end time exactly.")  # fmt: skip
    keys = st.multiselect(
        "Group by", breakdown.KEYS, default=breakdown.DEFAULT_KEYS, key="by", bind="query-params"
    )
    if not keys:
        st.info("Choose what the rows are: hop, language, kind …")
        return
    shown = breakdown.table(ledger, _statistic(), tuple(keys))
    if shown.note:
        st.caption(theme.markdown(shown.note, 400))
    found = exemplars(ledger, tuple(keys), [row.key for row in shown.rows])
    markup.show(ledger_markup.table(shown, found, controls.kept_parameters()), key="ledger")


def _distribution(ledger: Ledger) -> None:
    st.subheader("End to end", help="How long requests take. Click a bar to see what requests of"
                 " that percentile spend.")  # fmt: skip
    frame = distribution.histogram(ledger)
    options = list(_STATISTICS)
    at = _statistic()
    if at not in options:
        options.append(at)
    st.segmented_control("What requests spend at", options, default="mean", required=True,
                         key="at", bind="query-params")  # fmt: skip
    q = breakdown.quantile_of(at)
    point = None if q is None else ledger.percentile(q)
    mark = ledger.mean_ns if point is None else point.value
    st.altair_chart(
        distribution_chart.histogram(frame, mark / 1e6, f"{at} {theme.time(mark)}"),
        key="histogram",
        on_select=_pick,
        selection_mode=distribution_chart.PICKED,
    )
    exemplar = ledger.exemplar(0.5 if q is None else q)
    if exemplar is not None:
        markup.show(
            Markup("<p>{} {}</p>").format(
                f"A request at {'the median' if q is None else at}:", tiles.trace_link(exemplar)
            ),
            key="exemplar",
        )


def _statistic() -> str:
    """What `at` asks for, the mean where it is no statistic."""
    asked = st.session_state.get("at") or st.query_params.get("at") or breakdown.MEAN
    try:
        breakdown.quantile_of(asked)
    except ValueError:
        return breakdown.MEAN
    return str(asked)


def _pick() -> None:
    picked = st.session_state["histogram"].selection.get(distribution_chart.PICKED) or []
    if picked and "middle" in picked[0]:
        st.session_state["at"] = distribution.percentile_word(float(picked[0]["middle"]))


def _over_time(ledger: Ledger, taken: Snapshot) -> None:
    step = windows.step_ns(taken.window)
    order = [(step.hop, step.language, step.kind) for step in request_path(ledger)]
    st.subheader("Over time", help="ms a request spends in each hop, in blocks of"
                 f" {theme.time(step)}; colours as in the request path.")  # fmt: skip
    st.caption("ms per request by hop")
    st.altair_chart(time_charts.spent(over_time.by_hop(ledger, taken.window, step), order))
    frame = over_time.requests(ledger, taken.window, step)
    left, right = st.columns(2, gap="large")
    with left:
        st.caption("p50 and p95, ms")
        st.altair_chart(time_charts.percentiles(frame))
    with right:
        st.caption("requests per second, failed in red")
        st.altair_chart(time_charts.rate(frame))
