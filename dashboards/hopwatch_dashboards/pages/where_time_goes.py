"""Where the time of requests goes: in words, as a path, as a ledger, over time."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from hopwatch_dashboards import charts, controls, markup, theme
from hopwatch_dashboards.charts import distribution as distribution_chart
from hopwatch_dashboards.charts import over_time as time_charts
from hopwatch_dashboards.markup import ledger as ledger_markup
from hopwatch_dashboards.markup import names, tiles
from hopwatch_dashboards.markup import path as path_markup
from hopwatch_dashboards.pages import of_requests
from hopwatch_dashboards.snapshot import Requests
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.views import breakdown, distribution, over_time, weights, windows
from hopwatch_dashboards.views.blocks import covered
from hopwatch_dashboards.views.exemplars import exemplars
from hopwatch_dashboards.views.headline import headline
from hopwatch_dashboards.views.path import request_path

_STATISTICS = ["mean", "p50", "p90", "p95", "p99"]


def render(source: Source) -> None:
    of_requests.show("Where the time goes", source, _body)


def _body(requests: Requests) -> None:
    _words(requests)
    _path(requests)
    left, right = st.columns([3, 2], gap="large")
    with right:
        _distribution(requests)
    with left:
        _ledger(requests)
    _over_time(requests)


def _words(requests: Requests) -> None:
    said = names.sentences(*requests.view(headline, requests.snapshot.window))
    markup.show(said + tiles.of_ledger(requests.ledger), key="words")


def _path(requests: Requests) -> None:
    st.subheader("The request path", help="Each hop and each way between hops, callers first, as"
                 " wide as its part of the mean request. A hop leads to its page.")  # fmt: skip
    steps, count = requests.view(request_path), weights.requests(requests.ledger)
    strip = path_markup.strip(steps, count, controls.kept_parameters())
    markup.show(strip, key="path")


def _ledger(requests: Requests) -> None:
    st.subheader("The ledger", help="Only time on the critical path counts: what a request truly"
                 " waited for. The rows add up to the end-to-end time exactly.")  # fmt: skip
    by = controls.group_by()
    if not by:
        return
    at = _statistic()
    shown = requests.view(breakdown.table, at, by)
    if shown.note:
        st.caption(theme.markdown(shown.note, 400))
    found = requests.view(exemplars, by, tuple(row.key for row in shown.rows), at)
    markup.show(ledger_markup.table(shown, found, controls.kept_parameters()), key="ledger")


def _distribution(requests: Requests) -> None:
    st.subheader("End to end", help="How long requests take. Click a bar to see what requests of"
                 " that percentile spend.")  # fmt: skip
    ledger, frame = requests.ledger, requests.view(distribution.histogram)
    options = list(_STATISTICS)
    at = _statistic()
    if at not in options:
        options.append(at)
    st.segmented_control("What requests spend at", options, default="mean", required=True,
                         key="at", bind="query-params")  # fmt: skip
    q = breakdown.quantile_of(at)
    point = None if q is None else ledger.percentile(q)
    mark = ledger.mean_ns if point is None else point.value
    charts.show_to_pick(
        distribution_chart.histogram(frame, mark / 1e6, f"{at} {theme.time(mark)}"),
        "How many requests take how long.",
        key="histogram",
        on_pick=_pick,
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
    middle = charts.picked("histogram", "middle")
    if middle is not None:
        st.session_state["at"] = distribution.percentile_word(float(middle))


def _over_time(requests: Requests) -> None:
    window = requests.view(covered, requests.snapshot.window)
    step = windows.step_ns(window)
    order = [(s.hop, s.language, s.kind) for s in requests.view(request_path)]
    st.subheader("Over time", help="ms a request spends in each hop, in blocks of"
                 f" {theme.time(step)}; colours as in the request path.")  # fmt: skip
    st.caption("ms per request by hop")
    spent = requests.view(over_time.by_hop, window, step)
    charts.show(time_charts.spent(spent, order), "ms a request by hop, over time.")
    frame = requests.view(over_time.requests, window, step)
    left, right = st.columns(2, gap="large")
    with left:
        st.caption("p50 (blue) and p95 (orange), ms")
        charts.show(time_charts.percentiles(frame), "p50 and p95 over time.")
    with right:
        st.caption("requests per second, failed in red")
        charts.show(time_charts.rate(frame), "Requests and failures per second, over time.")
