"""Data quality."""

from __future__ import annotations

import streamlit as st

from hopwatch_dashboards.source import Source


def render(source: Source) -> None:
    st.title("Data quality")
