"""One trace: what it was, its waterfall, and where its time went."""

from __future__ import annotations

import re
from typing import Final

import pyarrow.compute as pc
import streamlit as st

from hopwatch.attribution.clocks import WINDOW_NS
from hopwatch.errors import InputError
from hopwatch_dashboards import markup, navigation, theme
from hopwatch_dashboards.components.waterfall import waterfall
from hopwatch_dashboards.markup import traces as traces_markup
from hopwatch_dashboards.markup.names import sentences
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.views import one_trace, span_details
from hopwatch_dashboards.views.one_trace import OneTrace

FINDER: Final = "finder"
"""Session state: the query parameters of the list that was left for a trace."""
_NEIGHBOURS: Final = 100
"""Traces of the same minute and services, from which the clocks are estimated."""
_FRESH_SECONDS: Final = 10
_WHOLE_ID: Final = re.compile(r"[0-9a-fA-F]{32}")
_MOST_LEDGERS: Final = 10
_MOST_LINES: Final = 500


def render(source: Source, trace_id: str) -> None:
    try:
        trace = _load(source.key, trace_id, source)
    except InputError as error:
        _not_there(source, trace_id, error)
        return
    st.title(theme.markdown(trace.main.route))
    with st.container(horizontal=True, vertical_alignment="center"):
        _way_back()
        if source.live:
            st.button("Look again", icon=":material/refresh:", on_click=_load.clear,
                      help="Take in spans that came since.")  # fmt: skip
        st.code(trace.trace_id, language=None, width="content")
    markup.show(sentences(*one_trace.headline(trace)), key="headline")
    for note in one_trace.notes(trace):
        st.caption(f":material/info: {theme.markdown(note, 600)}")
    _spans(trace)
    _logs(trace)
    _clocks(trace)


@st.cache_resource(ttl=_FRESH_SECONDS, max_entries=8, show_spinner="Reading the trace …")
def _load(source_key: str, trace_id: str, _source: Source) -> OneTrace:
    """The trace, for a few seconds: the last of its spans may still be on their way."""
    trace = _source.trace(trace_id)
    start = pc.min(trace["start_time_unix_nano"]).as_py() // WINDOW_NS * WINDOW_NS
    services = {name for name in pc.unique(trace["service_name"]).to_pylist() if name}
    neighbours = _source.neighbours(start, start + WINDOW_NS, services, _NEIGHBOURS)
    log = _source.logs(trace["trace_id"][0].as_py())
    return one_trace.attribute_trace(trace, neighbours, log)


@st.fragment
def _spans(trace: OneTrace) -> None:
    """The waterfall, and beside the ledger the details of the span that was chosen in it. A
    fragment: to choose a span computes nothing anew."""
    row = _choose(trace)
    if st.toggle("As a table", help="The same spans as a table that can be sorted and searched."):
        st.dataframe(trace.waterfall.table(), hide_index=True)
    left, right = st.columns([1, 1], gap="large")
    with left:
        st.subheader("Span")
        if row is None:
            st.caption("Choose a span in the waterfall to see its attributes, events and links.")
        else:
            _span(trace, row)
    with right:
        st.subheader("Where its time went", help="Only time on the critical path counts: what"
                     " the request truly waited for. The rows add up to its duration.")  # fmt: skip
        ledgers = one_trace.ledgers(trace)
        for number, unit in enumerate(ledgers[:_MOST_LEDGERS]):
            caption = unit.title if len(ledgers) > 1 else ""
            markup.show(traces_markup.ledger(unit, caption), key=f"ledger {number}")
        if len(ledgers) > _MOST_LEDGERS:
            st.caption(f"The first {_MOST_LEDGERS} of {len(ledgers)} requests.")


def _choose(trace: OneTrace) -> int | None:
    """Shows the waterfall; the row whose details are asked for, by the URL (`span`) or by a
    choice in the waterfall, which then stands in the URL."""
    fall = trace.waterfall
    asked = fall.row_of(st.query_params.get("span", ""))
    told = st.session_state.get(f"told {trace.trace_id}")
    if asked is not None and asked != told:
        st.session_state[f"asked {trace.trace_id}"] = asked
    opened = st.session_state.get(f"asked {trace.trace_id}")
    chosen = waterfall(fall.encode(opened), key=f"waterfall {trace.trace_id}")
    if chosen is None or chosen == told or chosen >= len(fall.spans):
        return asked
    st.session_state[f"told {trace.trace_id}"] = chosen
    st.query_params["span"] = fall.span_id(chosen)
    return chosen


def _span(trace: OneTrace, row: int) -> None:
    shown = span_details.details(trace.waterfall.spans[row], trace.table, reveal=_reveal())
    failed = " — failed" if shown.failed else ""
    st.markdown(f"**{theme.markdown(shown.name, 400)}**{failed}")
    markup.show(traces_markup.span(shown), key="span details")


def _reveal() -> bool:
    """Whether what labs wrote may be seen."""
    return bool(st.query_params.get("reveal") or st.session_state.get("reveal"))


def _logs(trace: OneTrace) -> None:
    st.subheader("Log", help="What the services logged for this trace, in time order, in the"
                 " clock of the request's root.")  # fmt: skip
    lines = span_details.log_lines(
        trace.log, trace.waterfall.spans, trace.waterfall.origin_ns, reveal=_reveal()
    )
    if not lines:
        st.caption(
            "No log record carries this trace id. Log by OTLP within the span, so that records"
            " have its trace id, through the same collector."
        )
        return
    if len(lines) > _MOST_LINES:
        st.caption(f"The first {_MOST_LINES:,} of {len(lines):,} lines.")
    markup.show(traces_markup.log_lines(lines[:_MOST_LINES], trace.trace_id), key="log")


def _clocks(trace: OneTrace) -> None:
    rows = one_trace.clocks(trace)
    if not rows:
        return
    with st.expander("How the clocks were aligned"):
        st.caption(
            "Each process stamps its spans with its own clock. To be drawn in the clock of the"
            " request's root, a callee's spans are moved as a whole; their durations, and the"
            " gaps between caller and callee, do not change. The interval is what the calls of"
            " the same minute allow."
        )
        markup.show(traces_markup.clocks(rows), key="clocks")


def _not_there(source: Source, trace_id: str, error: InputError) -> None:
    st.title("No such trace here")
    st.info(theme.markdown(str(error), 500), icon=":material/search_off:")
    if source.live and _WHOLE_ID.fullmatch(trace_id):
        _wait_for(source, trace_id)
    st.markdown(
        "- It may be older than what the store keeps (`hopwatch serve --keep`).\n"
        "- Its services may not send to this collector, or may not have sampled it:"
        " *Data quality* says what comes in.\n"
        "- Part of an id is enough: at least so many of its first digits that no other begins so."
    )
    _way_back()


@st.fragment(run_every=2)
def _wait_for(source: Source, trace_id: str) -> None:
    st.caption("Spans can be read about a second after they came in. Looking again every 2 s …")
    try:
        source.trace(trace_id)
    except InputError:
        return
    st.rerun()


def _way_back() -> None:
    if st.button("All traces", icon=":material/arrow_back:"):
        navigation.go(navigation.url("traces", **st.session_state.get(FINDER, {})))
