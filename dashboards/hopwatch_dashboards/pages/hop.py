"""One hop: its own time, its operations, its neighbours, its processes."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import streamlit as st
from markupsafe import Markup

from hopwatch_dashboards import charts, controls, markup, navigation, snapshot, states, theme
from hopwatch_dashboards.charts import over_time as time_charts
from hopwatch_dashboards.charts import processes as process_charts
from hopwatch_dashboards.controls import Chosen
from hopwatch_dashboards.markup import hop as hop_markup
from hopwatch_dashboards.snapshot import Requests
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.views import hop as hop_view
from hopwatch_dashboards.views import over_time, processes, weights, windows
from hopwatch_dashboards.views.blocks import covered
from hopwatch_dashboards.views.exemplars import exemplars
from hopwatch_dashboards.views.hop import Hop


def render(source: Source) -> None:
    st.title("Hop")
    chosen = controls.show(source)
    every = controls.LIVE_SECONDS if chosen.live else None
    st.fragment(states.telling(_body), run_every=every)(source, chosen)


def _body(source: Source, chosen: Chosen) -> None:
    taken = controls.take(source, chosen)
    requests = Requests(taken, chosen.filters, source)
    if not requests.ledger.request_count:
        extent = source.extent()
        states.no_requests(source, extent.min_start_ns or 0, extent.max_start_ns or 0)
        return
    name = _choose(requests)
    found = requests.view(hop_view.about, name)
    if found is None:
        st.info(f"{theme.markdown(name)} takes no part in these requests: choose another hop, or "
                "another time or route.")  # fmt: skip
        return
    points = snapshot.metrics(taken, processes.service_name(name), source)
    cost = processes.cpu_cost(points, weights.requests(snapshot.ledger(taken, source)))
    markup.show(hop_markup.summary(found, requests.ledger, cost), key="summary")
    _own_time(found, requests)
    _tables(found, requests)
    _processes(found, points)


def _choose(requests: Requests) -> str:
    known = theme.labels(requests.view(hop_view.hops))
    asked = st.query_params.get("name")
    options = [*known, asked] if asked and asked not in known else list(known)
    # Without a default, so that the URL always names the hop.
    label = st.selectbox(
        "Hop", options, index=None, key="name", bind="query-params", width=400,
        placeholder="the dearest",
    )  # fmt: skip
    label = label or options[0]
    return known.get(label, label)


def _own_time(found: Hop, requests: Requests) -> None:
    window = requests.view(covered, requests.snapshot.window)
    step = windows.step_ns(window)
    frame = requests.view(over_time.of_hop, window, step, found.name)
    st.subheader("Over time", help="Its time on the critical path, spread over all requests, in"
                 f" blocks of {theme.time(step)}.")  # fmt: skip
    st.caption("ms per request")
    order = [(found.name, language, kind) for kind, language in (k.key for k in found.kinds)]
    charts.show(time_charts.spent(frame, order), "ms a request over time")


def _tables(found: Hop, requests: Requests) -> None:
    keys = ("hop", "operation", "kind")
    wanted = tuple((found.name, *line.key) for line in found.operations)
    linked = {key[1:]: trace for key, trace in requests.view(exemplars, keys, wanted).items()}
    count = weights.requests(requests.ledger)
    st.subheader("Operations", help="What is asked of the hop, most time first.")
    markup.show(hop_markup.operations(found, count, linked), key="operations")
    kept = controls.kept_parameters()
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Called by", help="And the time on the way from there.")
        markup.show(hop_markup.callers(found, count, kept), key="callers")
    with right:
        st.subheader("Calls", help="Whom it calls, and the time on the way there or in it.")
        markup.show(hop_markup.callees(found, count, kept), key="callees")
    back = navigation.url("", **kept)
    markup.show(Markup('<p><a href="{}">The whole request path</a></p>').format(back), key="back")


def _processes(found: Hop, points: pa.Table) -> None:
    st.subheader("Processes", help="CPU and memory as its host sees them, one line a process.")
    language = found.languages[0] if found.languages else "-"
    colour = theme.colour(language, "db")
    shown = [
        ("CPU, cores", "cores", processes.cores(points)),
        ("memory, MB", "MB", _scaled(processes.readings(points, processes.MEMORY), 1e-6)),
    ]
    for metric, (title, unit, factor) in processes.RUNTIME.items():
        readings = _scaled(processes.readings(points, metric), factor)
        shown.append((f"{title}{', ' + unit if unit else ''}", unit, readings))
    shown = [entry for entry in shown if not entry[2].empty]
    if not shown:
        st.caption("No metrics of its processes here (process.cpu.time, process.memory.usage with "
                   "its service.name): send them by OTLP beside the traces.")  # fmt: skip
    columns = st.columns(2, gap="large")
    for i, (title, unit, frame) in enumerate(shown):
        with columns[i % 2]:
            st.caption(title)
            lines = process_charts.lines(processes.thinned(frame), colour, unit)
            charts.show(lines, f"{title} over time, a line a process")


def _scaled(frame: pd.DataFrame, factor: float) -> pd.DataFrame:
    return frame.assign(value=frame["value"] * factor)
