"""Compare: what changed from one side to another, by how much, where, and whether it is more than
chance."""

from __future__ import annotations

import streamlit as st

from hopwatch.errors import HopwatchError
from hopwatch_dashboards import charts, controls, markup, navigation, states, theme
from hopwatch_dashboards.charts import compare as compare_charts
from hopwatch_dashboards.compared import Compared
from hopwatch_dashboards.controls_compare import sides
from hopwatch_dashboards.markup import compare as compare_markup
from hopwatch_dashboards.markup import compare_failures
from hopwatch_dashboards.pages.flame_graph import choose
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.views import compare_percentiles
from hopwatch_dashboards.views.breakdown import MEAN, SLOWEST
from hopwatch_dashboards.views.compare_bridge import BY, bridge
from hopwatch_dashboards.views.compare_flame import most_changed, way
from hopwatch_dashboards.views.compare_traces import two_traces

_STATISTICS = (MEAN, "p50", "p95", "p99", SLOWEST)


def render(source: Source) -> None:
    st.title("Compare")
    states.telling(_body)(source)


def _body(source: Source) -> None:
    chosen = sides(source)
    if chosen is None:
        return
    compared, names = chosen
    empty = [
        name
        for name, side in (("before", compared.before), ("after", compared.after))
        if not side.ledger.request_count
    ]
    if empty:
        st.info(f"No requests {' and '.join(empty)}: choose other sides, or other requests.",
                icon=":material/search_off:")  # fmt: skip
        return
    found = compared.found
    head = compare_markup.head(found, names) + compare_markup.figures(found)
    markup.show(head, key="words")
    if not compared.has_spans:
        st.caption("A baseline keeps sums, not spans: its traces and call paths cannot be shown"
                   " beside those after.")  # fmt: skip
    _bridge(compared)
    st.subheader("Why", help="The terms of the bridge, the largest first. Each is of one operation"
                 " of a hop on a route.")  # fmt: skip
    markup.show(compare_markup.terms(found), key="terms")
    if compared.has_spans:
        _two_traces(compared)
    _distributions(compared)
    _by_percentile(compared)
    st.subheader("By route", help="Each route by itself: another mix of routes changes the mean"
                 " without any route being faster or slower.")  # fmt: skip
    markup.show(compare_markup.routes(found), key="routes")
    if found.failure_origins:
        st.subheader("Where failures begin", help="In which hops requests began to fail, as shares"
                     " of all requests.")  # fmt: skip
        markup.show(compare_failures.failures(found), key="failures")
    if compared.has_spans:
        _flame(compared)
    st.subheader("How sure this is")
    markup.show(compare_markup.how_sure(found), key="sure")
    st.subheader("Who is who", help="What does the same on both sides is compared, also where it"
                 " has another name.")  # fmt: skip
    markup.show(compare_markup.roles(found), key="roles")


def _bridge(compared: Compared) -> None:
    st.subheader("From before to after", help="The mean request before, what each hop adds or"
                 " takes away, the mean request after. The steps add up exactly. The line"
                 " below a step is its interval; pale steps may be chance.")  # fmt: skip
    by = st.segmented_control("Steps by", BY, default="hop", required=True, key="bridge",
                              bind="query-params")  # fmt: skip
    found = compared.found
    shown = bridge(found, by)
    charts.show(compare_charts.bridge(shown), f"The mean request before and after, and what each"
                f" {by} adds to it or takes away.")  # fmt: skip
    by_hop = bridge(found, "hop", most=40)
    table = compare_markup.hops(
        found, by_hop, compared.exemplars, _pair_link if compared.has_spans else None,
        same_source=compared.same_source,
    )  # fmt: skip
    markup.show(table, key="hops")


def _pair_link(before: str, after: str) -> str:
    return _link("two-traces", one=before, other=after)


def _link(section: str, **parameters: str) -> str:
    """This view with other parameters, at a section of it."""
    return f"{navigation.url('compare', **(st.query_params.to_dict() | parameters))}#{section}"


def _two_traces(compared: Compared) -> None:
    st.subheader("Two traces", help="One request before and one after, role by role; what they"
                 " waited for adds up to their times.")  # fmt: skip
    with st.container(horizontal=True):
        ids = [
            st.text_input(f"Trace {word}", key=key, bind="query-params", width=330,
                          placeholder="its id, or how it begins").strip()
            for word, key in (("before", "one"), ("after", "other"))
        ]  # fmt: skip
    if not all(ids):
        st.caption("“compare” in the table above shows a typical pair here; or give two ids.")
        return
    try:
        before, after = (compared.trace(side, prefix) for side, prefix in enumerate(ids))
    except HopwatchError as error:
        st.warning(theme.markdown(str(error), 400))
        return
    for word, (trace, ledger) in (("before", before), ("after", after)):
        if not ledger.request_count:
            st.warning(f"Trace {theme.markdown(trace)} is not of the requests {word}.")
            return
    shown = two_traces(before[1], after[1], compared.found.matches)
    table = compare_markup.two_traces(
        shown, (before[0], after[0]), same_source=compared.same_source
    )
    markup.show(table, key="two")


def _distributions(compared: Compared) -> None:
    st.subheader("End to end", help="How long requests take on both sides, as shares of their"
                 " requests.")  # fmt: skip
    frame = compared.view(compare_percentiles.both)
    charts.show(compare_charts.distributions(frame), "How long requests take, before and after.")
    legend = compare_markup.sides_legend(compare_charts.BEFORE, compare_charts.AFTER)
    markup.show(legend, key="sides")


def _by_percentile(compared: Compared) -> None:
    st.subheader("By percentile", help="What requests at each percentile take more or less than"
                 " those before, and in which hops; the parts add up to the line, the difference"
                 " of the smoothed percentiles.")  # fmt: skip
    missing = compared.view(compare_percentiles.refused)
    if missing:
        st.caption(theme.markdown(missing, 400))
    frame = compared.view(compare_percentiles.differences)
    if frame.empty:
        return
    charts.show(compare_charts.by_percentile(frame), "After minus before, by percentile and hop.")
    hops = list(dict.fromkeys(frame["hop"]))
    markup.show(compare_markup.legend(hops), key="percentiles")


def _flame(compared: Compared) -> None:
    st.subheader("Call paths", help="Each call as wide as it is on both sides together, so that"
                 " new and vanished calls are seen too; orange where its own time rose, blue where"
                 " it fell.")  # fmt: skip
    at = controls.statistic("Requests at", "at", _STATISTICS, MEAN)
    drawn = compared.flame(at)
    for note in (f"{drawn.basis[0].upper()}{drawn.basis[1:]}.", *drawn.notes):
        st.caption(theme.markdown(note, 400))
    if not drawn.bars:
        return
    choose(drawn)
    rows = []
    for row in most_changed(drawn):
        before, after = drawn.sides[row]
        rows.append(
            (
                way(drawn, row),
                _link("call-paths", frame=drawn.names[row]),
                before.own_ns,
                after.own_ns,
            )
        )
    if rows:
        markup.show(compare_markup.changed_paths(rows), key="paths")
    if st.toggle("As a table", help="The same calls as a table that can be sorted and searched."):
        st.dataframe(drawn.table(), hide_index=True)
