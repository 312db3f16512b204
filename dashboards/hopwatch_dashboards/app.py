"""The dashboard: chooses the page, and says in words what went wrong. `hopwatch dashboard`
runs it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from hopwatch_dashboards import exercise, navigation, states
from hopwatch_dashboards.pages import (
    compare,
    data_quality,
    flame_graph,
    hop,
    labs,
    matrix,
    tail,
    traces,
    where_time_goes,
)
from hopwatch_dashboards.source import Source, from_environment

_RENDER: dict[str, Callable[[Source], None]] = {
    "": where_time_goes.render,
    "tail": tail.render,
    "flame": flame_graph.render,
    "compare": compare.render,
    "traces": traces.render,
    "hop": hop.render,
    "quality": data_quality.render,
    "labs": labs.render,
    "matrix": matrix.render,
}
_WITHOUT_TRACES = {"matrix"}


def main() -> None:
    st.set_page_config(page_title="hopwatch", page_icon=":material/timer:", layout="wide")
    # A live page must not fade each time it is taken anew.
    st.html("<style>[data-stale='true'] { opacity: 1 !important; }</style>")
    lab = exercise.recorded()
    source = exercise.source_of(str(lab.recording)) if lab else _source()
    pages = {
        path: st.Page(
            partial(render, source)
            if path in _WITHOUT_TRACES
            else partial(states.guarded, render, source),
            title=navigation.TITLES[path],
            url_path=path or None,
            default=not path,
        )
        for path, render in _RENDER.items()
    }
    st.session_state[navigation.PAGES] = pages
    chosen = st.navigation(list(pages.values()), position="top")
    if chosen.url_path == "" and "trace" in st.query_params:
        st.switch_page(pages["traces"], query_params={"trace": st.query_params["trace"]})
    if lab:
        exercise.say_so()
    chosen.run()


@st.cache_resource
def _source() -> Source:
    return from_environment()


main()
