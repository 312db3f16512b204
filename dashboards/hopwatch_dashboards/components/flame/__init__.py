"""The flame graph, on a canvas: ten thousand call paths and more stay smooth, because only what
is wide enough to be seen is drawn. What it is given: `hopwatch_dashboards.views.flame`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from hopwatch_dashboards.components.modules import SHARED_CSS, joined

_FOLDER = Path(__file__).parent

_mount = st.components.v2.component(
    "hopwatch.flame",
    html=(_FOLDER / "flame.html").read_text("utf-8"),
    css=SHARED_CSS.read_text("utf-8") + (_FOLDER / "flame.css").read_text("utf-8"),
    js=joined(_FOLDER / "main.js"),
)


def flame_graph(encoded: bytes, of: str, *, key: str) -> int | None:
    """Shows an encoded `views.flame.Flame`; returns the row that the user zoomed to, -1 for the
    whole, None before. `of`: its id, for what was chosen in another picture says nothing here."""
    result = _mount(data=encoded, key=key, on_selected_change=lambda: None)
    selected = result.get("selected")
    if not isinstance(selected, dict) or selected.get("of") != of:
        return None
    row = selected.get("row")
    return row if isinstance(row, int) else None
