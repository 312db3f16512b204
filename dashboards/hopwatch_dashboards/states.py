"""What a page says where there is nothing to show, or something went wrong."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from hopwatch.errors import HopwatchError
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.theme import markdown


def guarded(render: Callable[[Source], None], source: Source) -> None:
    """Shows the page; what hopwatch cannot do is said in its own words."""
    try:
        render(source)
    except HopwatchError as error:
        st.error(markdown(str(error), 1000), icon=":material/error:")
