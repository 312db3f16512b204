"""The pages, and links between them. Every view is a link that can be shared: what a page
shows stands in the query parameters (widgets with `bind="query-params"`)."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import streamlit as st

from hopwatch_dashboards import theme

TITLES: Final = {
    "": "Where the time goes",
    "tail": "Tail",
    "flame": "Flame graph",
    "compare": "Compare",
    "traces": "Traces",
    "hop": "Hop",
    "quality": "Data quality",
    "labs": "Labs",
    "matrix": "Matrix",
}
"""Url path -> title."""
PAGES: Final = "pages"
"""Session state: url path -> `st.Page`, for `st.switch_page` and `st.page_link`."""


def url(path: str, **parameters: str) -> str:
    """A link to a page, relative to the dashboard's root."""
    given = {name: value for name, value in parameters.items() if value}
    return f"/{path}?{urlencode(given)}" if given else f"/{path}"


def trace_url(trace_id: bytes | str, **parameters: str) -> str:
    """A link to one trace."""
    text = trace_id.hex() if isinstance(trace_id, bytes) else trace_id
    return url("traces", trace=text, **parameters)


def hop_url(hop: str, **parameters: str) -> str:
    """A link to one hop."""
    return url("hop", name=theme.label(hop), **parameters)


def go(link: str) -> None:
    """Shows the page that a link of `url` leads to; any other link is ignored."""
    parts = urlsplit(link)
    page = st.session_state[PAGES].get(parts.path.strip("/"))
    if page is not None:
        st.switch_page(page, query_params=dict(parse_qsl(parts.query)))
