"""Which lab this session is about: one that runs on the shop, or one that was recorded.

Labs belong to the sample stack. Where that is not installed there are none, and nothing else of
the dashboard misses them.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from hopwatch_dashboards.source import FileSource, Source

if TYPE_CHECKING:
    from hopwatch_stack.labs import Lab

RECORDING: Final = "recording"
"""Query parameter and session state: number of the lab whose recording is shown, from 1. A number,
so that the address does not tell the answer."""
REVEAL: Final = "reveal"
"""Query parameter and session state: whether attributes that tell the answer are shown."""
_STATE_VARIABLE: Final = "HOPWATCH_STACK_STATE"


def labs() -> tuple[Lab, ...]:
    """Every lab; none where the sample stack is not installed."""
    if find_spec("hopwatch_stack") is None:
        return ()
    from hopwatch_stack import labs as stack_labs

    return stack_labs.all()


def state_dir() -> Path:
    """Where the stack keeps its state."""
    return Path(os.environ.get(_STATE_VARIABLE) or ".stack").resolve()


def recorded() -> Lab | None:
    """The lab whose recording this session shows; it stays when another page is chosen."""
    asked = st.query_params.get(RECORDING) or st.session_state.get(RECORDING)
    known = labs()
    number = int(asked) if asked and str(asked).isdecimal() else 0
    if not 1 <= number <= len(known):
        st.session_state.pop(RECORDING, None)
        return None
    st.session_state[RECORDING] = st.query_params[RECORDING] = str(number)
    return known[number - 1]


def say_so() -> None:
    """Says on every page that it shows a recording, and how to leave it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(f"Recording {st.session_state[RECORDING]} of a lab", icon=":material/science:")
        st.button("Leave the recording", type="tertiary", on_click=_leave)


def _leave() -> None:
    for key in (RECORDING, REVEAL):
        st.session_state.pop(key, None)
        st.query_params.pop(key, None)


@st.cache_resource
def source_of(path: str) -> Source:
    """A recording, read once."""
    return FileSource([path])
