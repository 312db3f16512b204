"""What a page says where there is nothing to show, or something went wrong: what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Concatenate, Final, ParamSpec

import duckdb
import pyarrow as pa
import streamlit as st

from hopwatch.errors import HopwatchError, InputError
from hopwatch.store import is_store
from hopwatch_dashboards.source import FileSource, Source, StoreSource
from hopwatch_dashboards.theme import markdown

P = ParamSpec("P")
UNREADABLE: Final = (HopwatchError, duckdb.Error, pa.ArrowException, OSError)
"""What reading a source may raise where its data is damaged or not what was expected."""


class NothingStoredError(InputError):
    """There is a source, and no span in it."""


def guarded(render: Callable[[Source], None], source: Source) -> None:
    """Shows the page; where there is no data, or it cannot be read, what to do about it."""
    if isinstance(source, StoreSource) and not is_store(source.path):
        _no_store(source)
        return
    telling(render)(source)


def telling(draw: Callable[Concatenate[Source, P], None]) -> Callable[Concatenate[Source, P], None]:
    """`draw`, a page or a part of one that is drawn anew by itself, saying what it could not
    read."""

    @wraps(draw)
    def drawn(source: Source, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            draw(source, *args, **kwargs)
        except NothingStoredError:
            _nothing_stored(source)
        except UNREADABLE as error:
            st.error(markdown(str(error), 1000), icon=":material/error:")
            st.caption(
                "What is named above could not be read. A damaged file of the store can be moved "
                "away; `hopwatch doctor` says what else is wrong."
            )

    return drawn


def no_requests(source: Source, first_ns: int, last_ns: int) -> None:
    """For a window, or filters, that nothing fits: offers what has data."""
    first, last = (
        datetime.fromtimestamp(ns / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        for ns in (first_ns, last_ns)
    )
    st.info(
        f"No requests here. {markdown(source.label)} has spans from {markdown(first)} to "
        f"{markdown(last)}.",
        icon=":material/search_off:",
    )
    st.button("Show everything there is", type="primary", on_click=_show_all)


def _show_all() -> None:
    st.session_state["last"] = "all"
    for key in ("service", "route", "outcome"):
        st.session_state[key] = None


def _no_store(source: StoreSource) -> None:
    st.title("No traces yet")
    st.info(
        f"There is no store at {markdown(str(source.path))}. Start one, and point an "
        "OpenTelemetry exporter at it:"
    )
    st.code("hopwatch serve\n# then, in your service's environment:\n"
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4319", language="sh")  # fmt: skip
    st.markdown(
        "Or run `make demo` for a shop that sends traces, or look at files: "
        "`hopwatch dashboard traces.json`."
    )
    st.button("Look again", icon=":material/refresh:")


def _nothing_stored(source: Source) -> None:
    st.title("No traces yet")
    if isinstance(source, FileSource):
        st.info(f"{markdown(source.label)} holds no spans. Name other files or folders.")
    else:
        st.info(
            f"{markdown(source.label)} is there, and empty: nothing was sent to it yet. Point an "
            "OpenTelemetry exporter at `http://127.0.0.1:4319` (OTLP over HTTP); what comes in "
            "is here about a second later."
        )
    st.button("Look again", icon=":material/refresh:")
