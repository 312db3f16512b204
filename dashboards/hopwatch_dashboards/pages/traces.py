"""Traces: find them; and with `?trace=ID`, one of them."""

from __future__ import annotations

from typing import Final

import streamlit as st

from hopwatch.store.search import Found, Names, Query, names, search
from hopwatch_dashboards import charts, controls, markup, states, theme
from hopwatch_dashboards.charts import scatter
from hopwatch_dashboards.markup import traces as traces_markup
from hopwatch_dashboards.pages import one_trace
from hopwatch_dashboards.snapshot import Snapshot
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.views import traces
from hopwatch_dashboards.views.windows import Window

_FIELDS: Final = ("route", "service", "operation", "status", "min", "max", "with", "id", "order")
"""Query parameters of the form."""
_IN_URL: Final = ("last", "from", "to", *_FIELDS)
_CHOICES: Final = 200


def render(source: Source) -> None:
    trace_id = st.query_params.get("trace", "")
    if trace_id.strip():
        one_trace.render(source, trace_id.strip())
    else:
        _finder(source)


def _finder(source: Source) -> None:
    st.title("Traces")
    taken = controls.take(source, controls.show_time(source))
    _form(_names(taken, source))
    asked = {key: st.session_state.get(key) for key in _FIELDS}
    st.session_state[one_trace.FINDER] = {
        key: st.query_params[key] for key in _IN_URL if key in st.query_params
    }
    found = _search(taken, traces.query(taken.window, asked), source)
    if not found.total:
        _nothing_found(source, asked)
        return
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown(theme.markdown(traces.counted(found)))
    with right:
        st.segmented_control("Order", ["newest", "slowest"], default="newest", required=True,
                             key="order", bind="query-params",
                             label_visibility="collapsed")  # fmt: skip
    _picture(found)
    markup.show(traces_markup.found(traces.rows(found.traces)), key="found")


def _form(known: Names) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _choice(
            "Route",
            "route",
            known.routes,
            "every route",
            "What kind of request: its method and path, or its name. `*` and `?` are wild.",
        )
        services = tuple(known.operations)
        service = _choice(
            "Service",
            "service",
            services,
            "every service",
            "One of the trace's spans is of this service.",
        )
        if service:
            operations = known.operations.get(service, ())
        else:
            operations = tuple(
                sorted({name for all_ in known.operations.values() for name in all_})
            )
        _choice(
            "Operation",
            "operation",
            operations,
            "every operation",
            "One of the trace's spans (of the service, where one is chosen) has this name."
            " `*` and `?` are wild.",
        )
        st.segmented_control(
            "Outcome",
            list(traces.STATUSES),
            key="status",
            bind="query-params",
            help="Failed: the request's own span has an error or a 5xx answer. Error inside:"
            " any span of the trace has one.",
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _milliseconds("At least, ms", "min")
        _milliseconds("At most, ms", "max")
        st.text_input(
            "Attributes",
            key="with",
            bind="query-params",
            placeholder="http.route=/api/orders",
            help="key=value of a span or its resource, several with spaces between;"
            " each must be on some span of the trace.",
        )
        st.text_input("Trace id", key="id", bind="query-params", max_chars=32,
                      placeholder="its beginning, in hex", width=260)  # fmt: skip


def _milliseconds(label: str, key: str) -> None:
    st.number_input(
        label, min_value=0.0, value=None, key=key, format="%g", bind="query-params", width=150
    )


def _choice(
    label: str, key: str, options: tuple[str, ...], every: str, explained: str
) -> str | None:
    asked = st.session_state.get(key) or st.query_params.get(key)
    chosen: str | None = st.selectbox(
        label,
        [*options, asked] if asked and asked not in options else list(options),
        index=None,
        placeholder=every,
        format_func=lambda text: theme.readable(text, 120),
        accept_new_options=True,
        key=key,
        bind="query-params",
        help=explained,
    )
    return chosen


def _picture(found: Found) -> None:
    charts.show_to_pick(
        scatter.durations(traces.points(found.sample)),
        "Traces by the time they began and how long they took; the list below has the same.",
        key="points",
        on_pick=_open_picked,
    )


def _open_picked() -> None:
    trace = charts.picked("points", "trace")
    if trace is not None:
        st.query_params["trace"] = str(trace)


def _nothing_found(source: Source, asked: dict[str, object]) -> None:
    if not any(value for key, value in asked.items() if key != "order"):
        extent = source.extent()
        states.no_requests(source, extent.min_start_ns or 0, extent.max_start_ns or 0)
        return
    st.info("No trace fits all of this.", icon=":material/search_off:")
    st.button("Ask for nothing but the time", type="primary", on_click=_forget)


def _forget() -> None:
    for key in _FIELDS:
        if key != "order":
            st.session_state[key] = "" if key in ("with", "id") else None


@st.cache_data(max_entries=32, show_spinner="Looking for traces …")
def _search(taken: Snapshot, asked: Query, _source: Source) -> Found:
    return search(_source.searchable(), asked, limit=traces.ROWS, points=traces.POINTS)


@st.cache_data(max_entries=8, show_spinner=False)
def _names(taken: Snapshot, _source: Source) -> Names:
    window: Window = taken.window
    return names(_source.searchable(), window.start, window.end, limit=_CHOICES)
