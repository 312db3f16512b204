"""The choice of the two sides of a comparison. It stands in the URL."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import streamlit as st

from hopwatch.comparison import baselines
from hopwatch_dashboards import controls, snapshot, theme
from hopwatch_dashboards.compared import Compared, Saved
from hopwatch_dashboards.controls import Chosen
from hopwatch_dashboards.snapshot import Requests, Snapshot
from hopwatch_dashboards.source import Source, StoreSource, against_from_environment
from hopwatch_dashboards.states import NothingStoredError
from hopwatch_dashboards.views import compare_sides, windows
from hopwatch_dashboards.views.compare_sides import AGAINST, ATTRIBUTE, BASELINE, CUSTOM
from hopwatch_dashboards.views.selection import Filters
from hopwatch_dashboards.views.windows import SECOND, Window

_MARGINS: Final = ("1 %", "2 %", "5 %", "10 %", "20 %")
_TAKEN: Final = "sides"
"""Session state: what was chosen, and the snapshots that were taken for it."""


def sides(source: Source) -> tuple[Compared, tuple[str, str]] | None:
    """Shows the choice; the sides and how they were chosen, in words. None where there is
    nothing to choose from, which is said. Raises NothingStoredError."""
    first_ns, last_ns = _extent(source)
    against, saved = _against(), _baselines(source)
    words = compare_sides.designs(baselines=bool(saved), against=against is not None)
    live = source.live and windows.is_fresh(last_ns, snapshot.now_ns())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        word = st.segmented_control(
            "Compare", words, default=_usual(source, words, live=live), required=True,
            key="design", bind="query-params", help=compare_sides.explained(words),
        )  # fmt: skip
        if word == CUSTOM:
            before, after = _custom(source, first_ns, last_ns)
            return _with_filters(before, "", after, "")
        if word == ATTRIBUTE:
            return _by_attribute(source)
        again = controls.look_again()
        if word == AGAINST and against is not None:
            if isinstance(against, Path):
                return _with_saved(against, _all(source, again), source.label)
            whole = Requests(_whole(against), Filters(), against)
            return _with_filters(whole, against.label, _all(source, again), source.label)
        if word == BASELINE:
            name = st.selectbox("Baseline", saved, key="baseline", bind="query-params")
            return _with_saved(saved[name], _all(source, again), source.label)
        pair = _pair(source, str(word), again, first_ns, last_ns)
        return _with_filters(pair[0], "", pair[1], "")


def _with_saved(path: Path, after: Requests, label: str) -> tuple[Compared, tuple[str, str]]:
    before = Saved(path, Filters())
    words = baselines.described(path.name.removesuffix(baselines.SUFFIX), before.about)
    return _with_filters(before, words, after, label)


def _usual(source: Source, words: tuple[str, ...], *, live: bool) -> str:
    if AGAINST in words or source.live:  # to look through all of a store takes long
        return compare_sides.usual(words, {}, live=live)
    attributes = snapshot.told_apart(_whole(source), source)
    return compare_sides.usual(words, attributes, live=live)


def _with_filters(
    before: Requests | Saved, name_before: str, after: Requests, name_after: str
) -> tuple[Compared, tuple[str, str]]:
    """With what requests must be, on both sides, and the margin. The names say how the sides were
    chosen."""
    chosen = controls.filters(snapshot.ledger(after.snapshot, after.source))
    margin = st.selectbox("Margin", _MARGINS, index=2, key="margin", bind="query-params",
                          width=110, help="A relative change that is of no consequence: what is"
                          " surely less than that, either way, is equivalent.")  # fmt: skip
    if chosen.service and isinstance(before, Saved):
        st.caption("A baseline does not know in which requests a service took part: before, all"
                   " requests count.")  # fmt: skip
    found = Compared(
        replace(before, filters=_both(chosen, before.filters)),
        replace(after, filters=_both(chosen, after.filters)),
        float(margin.rstrip(" %")) / 100,
    )
    return found, (name_before, name_after)


def _both(chosen: Filters, own: Filters) -> Filters:
    return replace(chosen, attribute=own.attribute)


def _custom(source: Source, first_ns: int, last_ns: int) -> tuple[Requests, Requests]:
    middle = (first_ns + last_ns) // 2
    # Moments are whole minutes: the last one is rounded up.
    ends = {"before": (first_ns, middle), "after": (middle, last_ns + 60 * SECOND)}
    found = []
    for side, (start, end) in ends.items():
        moments = [
            controls.moment(f"{side.capitalize()}, {word}", f"{side}_{word}", ns)
            for word, ns in (("from", start), ("to", end))
        ]
        low, high = (int(datetime.fromisoformat(text).timestamp()) for text in moments)
        window = Window(low * SECOND, max(high, low + 1) * SECOND)
        taken = Snapshot(source.key, source.version(), window)
        found.append(Requests(taken, Filters(), source))
    return found[0], found[1]


def _pair(
    source: Source, word: str, again: bool, first_ns: int, last_ns: int
) -> tuple[Requests, Requests]:
    """The two windows of a word: those that the session has, until it looks again."""
    taken = st.session_state.get(_TAKEN)
    if again or taken is None or taken[0] != (source.key, word):
        version = source.version()
        pair = compare_sides.two_windows(word, first_ns, last_ns, snapshot.now_ns())
        snapshots = tuple(Snapshot(source.key, version, window) for window in pair)
        taken = (source.key, word), snapshots
        st.session_state[_TAKEN] = taken
    before, after = (Requests(one, Filters(), source) for one in taken[1])
    return before, after


def _by_attribute(source: Source) -> tuple[Compared, tuple[str, str]] | None:
    time = controls.time(source)
    taken = controls.take(source, time)
    known = snapshot.told_apart(taken, source)
    if not known:
        st.info("No resource attribute has two values in these requests: compare other sides, or"
                " choose another time.", icon=":material/search_off:")  # fmt: skip
        return None
    keys = theme.labels(known)
    key = st.selectbox("Attribute", list(keys), key="key", bind="query-params", width=220,
                       help="Of a resource. A request is of a side when one of its spans has the"
                       " value.")  # fmt: skip
    texts = theme.labels(known[keys[key]])
    usual = compare_sides.usual_values(tuple(texts))
    found, names = [], []
    for side, text in zip(("before", "after"), usual, strict=True):
        label = st.selectbox(side.capitalize(), list(texts), index=list(texts).index(text),
                             key=side, bind="query-params", width=170)  # fmt: skip
        found.append(Requests(taken, Filters(attribute=(keys[key], texts[label])), source))
        names.append(f"{key} = {label}")
    return _with_filters(found[0], names[0], found[1], names[1])


def _all(source: Source, again: bool) -> Requests:
    chosen = Chosen((windows.ALL,), live=again, filters=Filters())
    return Requests(controls.take(source, chosen), Filters(), source)


def _whole(source: Source) -> Snapshot:
    """Everything that a source has. Raises NothingStoredError."""
    first_ns, last_ns = _extent(source)
    return Snapshot(source.key, source.version(), Window(first_ns, last_ns + 1))


def _extent(source: Source) -> tuple[int, int]:
    extent = source.extent()
    if extent.min_start_ns is None or extent.max_start_ns is None:
        raise NothingStoredError
    return extent.min_start_ns, extent.max_start_ns


@st.cache_resource
def _against() -> Source | Path | None:
    return against_from_environment()


def _baselines(source: Source) -> dict[str, Path]:
    if not isinstance(source, StoreSource):
        return {}
    return {name: baselines.place(source.path, name) for name in baselines.names(source.path)}
