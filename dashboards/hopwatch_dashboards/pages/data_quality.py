"""How far the numbers can be trusted."""

from __future__ import annotations

import streamlit as st

from hopwatch.quality import Quality
from hopwatch_dashboards import charts, controls, markup, snapshot, theme
from hopwatch_dashboards.charts import clocks as clock_charts
from hopwatch_dashboards.markup import quality as quality_markup
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.views import clocks


def render(source: Source) -> None:
    st.title("Data quality")
    taken = controls.take(source, controls.show_time(source))
    found = snapshot.quality(taken, source)
    markup.show(quality_markup.verdict(found), key="verdict")
    markup.show(quality_markup.trust(found), key="trust")
    st.subheader("Findings", help="What is odd in the time above, most severe first.")
    markup.show(quality_markup.findings(found), key="findings")
    _clocks(found)
    st.subheader("Stored", help="All there is, whatever the time above.")
    markup.show(quality_markup.stored(found.inventory), key="stored")
    st.subheader("Services", help="By what their resources say of themselves.")
    markup.show(quality_markup.services(found.inventory), key="services")
    st.subheader("Left out", help="What was sent, or stood in the files, and is not stored.")
    markup.show(quality_markup.left_out(found.inventory), key="left_out")


def _clocks(found: Quality) -> None:
    """What is known of the clocks: a chart for each of the pairs that are most worth a look."""
    st.subheader("Clocks", help="By how much the clock of the called process is ahead of that of"
                 " its caller, from all calls between them: it lies in the blocks, the line in them"
                 " is what is used. A dashed line: a clock was set. No gap and no service's time"
                 " depends on them, where a client waits for one call.")  # fmt: skip
    known = clocks.pairs(found.clocks)
    markup.show(quality_markup.known_clocks(found), key="known_clocks")
    if not known:
        return
    labels = theme.labels(clocks.places(known))
    asked = st.query_params.get("clock")
    place = st.selectbox(
        "Services or process",
        [*labels, asked] if asked and asked not in labels else list(labels),
        index=None,
        placeholder="all",
        key="clock",
        bind="query-params",
        width=420,
        help="Only pairs of these services, or of this process.",
    )
    wanted = clocks.chosen(known, None if place is None else labels.get(place, place))
    shown = wanted[: clocks.MOST_SHOWN]
    for first in range(0, len(shown), 2):
        for column, pair in zip(st.columns(2), shown[first : first + 2], strict=False):
            with column:
                st.caption(theme.markdown(f"{pair.name}, ms", 160))
                charts.show(
                    clock_charts.offset(pair.windows),
                    f"The offset of the clocks of {theme.readable(pair.name)} over time.",
                )
    markup.show(quality_markup.clock_pairs(wanted), key="clock_pairs")
