"""The waterfall of a trace, on a canvas: ten thousand spans and more stay smooth, because only
the rows in view are drawn. What it is given: `hopwatch_dashboards.views.waterfall`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from hopwatch_dashboards.components.modules import SHARED_CSS, joined

_FOLDER = Path(__file__).parent

_mount = st.components.v2.component(
    "hopwatch.waterfall",
    html=(_FOLDER / "waterfall.html").read_text("utf-8"),
    css=SHARED_CSS.read_text("utf-8") + (_FOLDER / "waterfall.css").read_text("utf-8"),
    js=joined(_FOLDER / "main.js"),
)


def waterfall(encoded: bytes, *, key: str) -> int | None:
    """Shows an encoded `views.waterfall.Waterfall`; returns the row whose details the user asked
    for, None before. `key` must differ from trace to trace."""
    result = _mount(data=encoded, key=key, on_selected_change=lambda: None)
    selected = result.get("selected")
    return selected if isinstance(selected, int) else None
