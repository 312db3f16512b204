"""The flame graph: whom the requests called, and what they spent there."""

from __future__ import annotations

from typing import Final, cast

import streamlit as st

from hopwatch_dashboards import controls, markup, theme
from hopwatch_dashboards.components.flame import flame_graph
from hopwatch_dashboards.markup import flame as flame_markup
from hopwatch_dashboards.markup.names import sentences
from hopwatch_dashboards.pages import of_requests
from hopwatch_dashboards.snapshot import Requests
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.views.breakdown import MEAN, SLOWEST
from hopwatch_dashboards.views.exemplars import exemplars
from hopwatch_dashboards.views.flame import Flame, headline

_STATISTICS: Final = (MEAN, "p50", "p95", "p99", SLOWEST)
_OPENED: Final = "opened flame"
"""Session state: id of the picture, the row that it was opened at, the row that was chosen."""


def render(source: Source) -> None:
    of_requests.show("Flame graph", source, _body)


def _body(requests: Requests) -> None:
    at = controls.statistic("Requests at", "at", _STATISTICS, MEAN)
    drawn = requests.flame(at)
    markup.show(sentences(*headline(drawn)), key="words")
    for note in drawn.notes:
        st.caption(theme.markdown(note, 400))
    if not drawn.bars:
        return
    row = choose(drawn)
    if row is None:
        st.caption("As wide as its time, each call below its caller. Click one to zoom to it.")
    else:
        _details(requests, drawn, row, at)
    _downloads(drawn, at)
    if st.toggle("As a table", help="The same calls as a table that can be sorted and searched."):
        st.dataframe(drawn.table(), hide_index=True)


def choose(drawn: Flame) -> int | None:
    """Shows the flame graph; the row that is zoomed to, by the URL (`frame`) or by a click, which
    then stands in the URL."""
    asked = drawn.row_of(st.query_params.get("frame"))
    opened = st.session_state.get(_OPENED)
    if opened is None or opened[0] != drawn.id or asked not in (opened[1], opened[2]):
        # Another picture, or another URL than that of the last click: zoomed to anew.
        opened = (drawn.id, asked, asked)
    chosen = flame_graph(drawn.encode(opened[1]), drawn.id, key="flame")
    if chosen is not None and chosen < len(drawn.bars):
        row = chosen if chosen >= 0 else None
        opened = (drawn.id, opened[1], row)
        if row is None:
            st.query_params.pop("frame", None)
        else:
            st.query_params["frame"] = drawn.names[row]
    st.session_state[_OPENED] = opened
    return cast("int | None", opened[2])


def _details(requests: Requests, drawn: Flame, row: int, at: str) -> None:
    frame = drawn.bars[row].frame
    key = (frame.hop, frame.operation, frame.kind)
    found = requests.view(exemplars, ("hop", "operation", "kind"), (key,), at)
    shown = flame_markup.details(drawn, row, found.get(key, ""), controls.kept_parameters())
    markup.show(shown, key="details")


def _downloads(drawn: Flame, at: str) -> None:
    # Their bytes, not functions to be called at the click: a run of the script meanwhile takes
    # such functions away, and the click leads nowhere.
    with st.container(horizontal=True):
        st.download_button(
            "Folded stacks", drawn.folded, f"hopwatch-{at}.folded", "text/plain", on_click="ignore",
            icon=":material/download:",
            help="A line a call path with its own ns, for flamegraph.pl, inferno and their like.",
        )  # fmt: skip
        st.download_button(
            "speedscope", drawn.speedscope, f"hopwatch-{at}.speedscope.json", "application/json",
            on_click="ignore", icon=":material/download:", help="For speedscope.app.",
        )  # fmt: skip
