"""How far the numbers can be trusted."""

from __future__ import annotations

import streamlit as st

from hopwatch_dashboards import controls, markup, snapshot
from hopwatch_dashboards.markup import quality as quality_markup
from hopwatch_dashboards.source import Source


def render(source: Source) -> None:
    st.title("Data quality")
    taken = controls.take(source, controls.show_time(source))
    found = snapshot.quality(taken, source)
    markup.show(quality_markup.verdict(found), key="verdict")
    st.subheader("Findings", help="What is odd in the time above, most severe first.")
    markup.show(quality_markup.findings(found), key="findings")
    st.subheader("Stored", help="All there is, whatever the time above.")
    markup.show(quality_markup.stored(found.inventory), key="stored")
    st.subheader("Services", help="By what their resources say of themselves.")
    markup.show(quality_markup.services(found.inventory), key="services")
    st.subheader("Left out", help="What was sent, or stood in the files, and is not stored.")
    markup.show(quality_markup.left_out(found.inventory), key="left_out")
