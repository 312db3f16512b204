"""The row of controls that pages share: which stretch of time, which requests, live or not.
What is chosen stands in the URL, so that a view can be shared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import streamlit as st

from hopwatch.attribution import Ledger
from hopwatch_dashboards import snapshot, theme
from hopwatch_dashboards.snapshot import Snapshot
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.states import NothingStoredError
from hopwatch_dashboards.views import breakdown, windows
from hopwatch_dashboards.views.selection import Filters, routes, services
from hopwatch_dashboards.views.windows import Window

LIVE_SECONDS: Final = 5
_WORDS: Final = (*windows.LENGTHS, windows.ALL, windows.CUSTOM)
_KEPT: Final = ("last", "from", "to", "service", "route", "outcome")
_TAKEN: Final = "snapshot"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the page is about. `window_words`: the time, as the URL says it. `live`: to be taken
    anew by itself."""

    window_words: tuple[str, ...]
    live: bool
    filters: Filters


def show(source: Source) -> Chosen:
    """Shows the choice of time and requests. Raises NothingStoredError where there is no time
    to choose."""
    extent = source.extent()
    if extent.min_start_ns is None or extent.max_start_ns is None:
        raise NothingStoredError
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = _time(extent.min_start_ns, extent.max_start_ns, source)
        fresh = source.live and windows.is_fresh(extent.max_start_ns, snapshot.now_ns())
        live = source.live and st.toggle(
            "Live", value=fresh, key="live", help=f"Look again every {LIVE_SECONDS} seconds."
        )
        _look_again()
        chosen = Chosen(words, live, Filters())
        return replace(chosen, filters=filters(snapshot.ledger(take(source, chosen), source)))


def show_time(source: Source) -> Chosen:
    """Shows the choice of time alone, of a page that is looked at again by hand. Raises
    NothingStoredError where there is no time to choose."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        return time(source)


def time(source: Source) -> Chosen:
    """The same, among other controls."""
    extent = source.extent()
    if extent.min_start_ns is None or extent.max_start_ns is None:
        raise NothingStoredError
    words = _time(extent.min_start_ns, extent.max_start_ns, source)
    _look_again()
    return Chosen(words, live=False, filters=Filters())


def _look_again() -> None:
    if look_again():
        st.session_state.pop(_TAKEN, None)


def look_again() -> bool:
    """Shows the button that takes in what came since; whether it was clicked."""
    return st.button("Look again", icon=":material/refresh:", help="Take in what came since.")


def _time(first_ns: int, last_ns: int, source: Source) -> tuple[str, ...]:
    choice = st.segmented_control(
        "Time",
        _WORDS,
        default=windows.default_choice(last_ns, snapshot.now_ns(), source.live),
        required=True,
        key="last",
        bind="query-params",
        help="Requests that began in the last minutes, at any time, or from one moment to another.",
    )
    if choice != windows.CUSTOM:
        return (str(choice),)
    return (
        windows.CUSTOM,
        moment("From", "from", first_ns),
        moment("To", "to", last_ns + windows.SECOND),
    )


def filters(everything: Ledger) -> Filters:
    """Shows the choice of requests, of those that the ledger has."""
    service = _one_of("Service", "service", services(everything),
                      "Only requests in which this service takes part.")  # fmt: skip
    route = _one_of("Route", "route", routes(everything),
                    "What kind of request: its method and path, or its name.")  # fmt: skip
    outcome = st.segmented_control(
        "Outcome",
        ["ok", "error"],
        key="outcome",
        bind="query-params",
        help="error: the request's root span has an error or a 5xx answer.",
    )
    return Filters(service=service, route=route, outcome=outcome)


def _one_of(title: str, key: str, texts: tuple[str, ...], explained: str) -> str | None:
    """One of the texts, or none. What the URL asks for is kept, also where no request has it."""
    known = theme.labels(texts)
    asked = st.query_params.get(key)
    label = st.selectbox(
        title,
        [*known, asked] if asked and asked not in known else list(known),
        index=None,
        placeholder="any",
        key=key,
        bind="query-params",
        width=220,
        help=explained,
    )
    return None if label is None else known.get(label, label)


def group_by() -> tuple[str, ...]:
    """Shows the choice of what the rows are, and says so where nothing is chosen."""
    keys = st.multiselect(
        "Group by", breakdown.KEYS, default=breakdown.DEFAULT_KEYS, key="by", bind="query-params"
    )
    if not keys:
        st.info("Choose what the rows are: hop, language, kind …")
    return tuple(keys)


def statistic(label: str, key: str, options: Iterable[str], usual: str) -> str:
    """Shows the choice of a statistic. What the URL asks for is kept, where it is one."""
    shown = list(options)
    asked = st.session_state.get(key) or st.query_params.get(key)
    if asked and asked not in shown and breakdown.is_statistic(asked):
        shown.append(asked)
    chosen: str = st.segmented_control(
        label, shown, default=usual, required=True, key=key, bind="query-params",
        help=f"{breakdown.SLOWEST}: the mean of the slowest 1 %.",
    )  # fmt: skip
    return chosen


def take(source: Source, chosen: Chosen) -> Snapshot:
    """The snapshot of this session: the one that it has, or a new one where another time was
    chosen or the view is live."""
    key = (source.key, chosen.window_words)
    taken: tuple[object, int, Snapshot] | None = st.session_state.get(_TAKEN)
    now = snapshot.now_ns()
    if taken is not None and taken[0] == key:
        age = (now - taken[1]) / windows.SECOND
        if not chosen.live or age < LIVE_SECONDS * 0.8:
            return taken[2]
    found = Snapshot(source.key, source.version(), _window(source, chosen, now))
    if taken is not None and taken[0] == key and taken[2].version == found.version:
        found = taken[2]  # nothing came in: what was computed still holds
    st.session_state[_TAKEN] = (key, now, found)
    return found


def first(source: Source) -> Snapshot:
    """What a session takes that has chosen nothing yet."""
    now = snapshot.now_ns()
    words = (windows.default_choice(source.extent().max_start_ns, now, source.live),)
    window = _window(source, Chosen(words, live=False, filters=Filters()), now)
    return Snapshot(source.key, source.version(), window)


def kept_parameters() -> dict[str, str]:
    """What a link to another page takes along of this one's URL."""
    return {key: st.query_params[key] for key in _KEPT if key in st.query_params}


def _window(source: Source, chosen: Chosen, now: int) -> Window:
    choice, *moments = chosen.window_words
    if choice == windows.CUSTOM:
        start, end = (int(datetime.fromisoformat(text).timestamp()) for text in moments)
        return Window(start * windows.SECOND, max(end, start + 1) * windows.SECOND)
    extent = source.extent()
    if extent.min_start_ns is None or extent.max_start_ns is None:
        raise NothingStoredError
    return windows.window(choice, extent.min_start_ns, extent.max_start_ns, now)


def moment(label: str, key: str, ns: int) -> str:
    """Shows the choice of a moment; in ISO 8601."""
    local = datetime.fromtimestamp(ns // windows.SECOND, UTC).astimezone()
    found = st.datetime_input(
        label,
        value=local.replace(tzinfo=None),
        step=60,
        key=key,
        bind="query-params",
        required=True,
    )
    return found.astimezone().isoformat() if found else local.isoformat()
