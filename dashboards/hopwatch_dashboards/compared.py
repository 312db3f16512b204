"""The two sides that the page Compare looks at, and what is computed from them: once, however
often the page is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import streamlit as st

from hopwatch.attribution import Ledger
from hopwatch.comparison import Comparison, Options, baselines, compare
from hopwatch_dashboards import snapshot
from hopwatch_dashboards.snapshot import Requests
from hopwatch_dashboards.views.compare_exemplars import pairs
from hopwatch_dashboards.views.compare_flame import FlameDifference, flame_difference
from hopwatch_dashboards.views.selection import Filters, filtered

T = TypeVar("T")
_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """A baseline: requests of which there are sums, and no spans."""

    path: Path
    filters: Filters

    @property
    def ledger(self) -> Ledger:
        return filtered(self._loaded[0], self.filters)

    @property
    def about(self) -> baselines.About:
        return self._loaded[1]

    @property
    def _loaded(self) -> tuple[Ledger, baselines.About]:
        return _baseline(str(self.path), self.path.stat().st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Compared:
    """`margin`: a relative change that is of no consequence."""

    before: Requests | Saved
    after: Requests
    margin: float

    @property
    def found(self) -> Comparison:
        return _found(self._key, self.margin, self)

    @property
    def exemplars(self) -> Mapping[str, tuple[str, str]]:
        """See `views.compare_exemplars`."""
        return _exemplars(self._key, self.margin, self)

    @property
    def has_spans(self) -> bool:
        """Whether there are traces and call paths on both sides."""
        return isinstance(self.before, Requests)

    @property
    def same_source(self) -> bool:
        """Whether the traces before are where those after are."""
        return isinstance(self.before, Requests) and self.before.source is self.after.source

    def view(self, compute: Callable[..., T], *args: object) -> T:
        """`compute(before, after, *args)`, a pure function of two ledgers."""
        name = f"{compute.__module__}.{compute.__qualname__}"
        return cast(T, _computed(name, args, self._key, compute, self))

    def flame(self, at: str) -> FlameDifference:
        """What requests at the statistic spend on both sides, by call path. Only with spans."""
        return _flame(at, self._key, self)

    def trace(self, side: int, prefix: str) -> tuple[str, Ledger]:
        """The id in hex and the ledger of a trace before (side 0) or after (1), which is empty
        where that side's requests are others. Only with spans; raises UsageError and InputError
        for what is no trace."""
        requests = cast(Requests, (self.before, self.after)[side])
        trace_id: bytes = requests.source.trace(prefix)["trace_id"][0].as_py()
        found = snapshot.one_trace(requests.snapshot, requests.source, trace_id)
        return trace_id.hex(), found

    @property
    def _key(self) -> _Key:
        before: _Key
        if isinstance(self.before, Requests):
            before = self.before.snapshot, self.before.filters
        else:
            path = self.before.path
            before = str(path), path.stat().st_mtime_ns, self.before.filters
        return *before, self.after.snapshot, self.after.filters


@st.cache_resource(max_entries=64, show_spinner="Comparing …")
def _found(key: _Key, margin: float, _compared: Compared) -> Comparison:
    before, after = _compared.before, _compared.after
    failures = (before.failures, after.failures) if isinstance(before, Requests) else None
    return compare(before.ledger, after.ledger, Options(margin=margin), failures=failures)


@st.cache_resource(max_entries=4, show_spinner="Reading the baseline …")
def _baseline(path: str, changed_ns: int) -> tuple[Ledger, baselines.About]:
    return baselines.load(Path(path))


@st.cache_resource(max_entries=64, show_spinner="Comparing …")
def _computed(
    name: str, args: tuple[object, ...], key: _Key, _compute: Callable[..., object],
    _compared: Compared,
) -> object:  # fmt: skip
    return _compute(_compared.before.ledger, _compared.after.ledger, *args)


@st.cache_resource(max_entries=64, show_spinner=False)
def _exemplars(key: _Key, margin: float, _compared: Compared) -> Mapping[str, tuple[str, str]]:
    return pairs(_compared.before.ledger, _compared.after.ledger, _compared.found)


@st.cache_resource(max_entries=8, show_spinner="Comparing call paths …")
def _flame(at: str, key: _Key, _compared: Compared) -> FlameDifference:
    before = cast(Requests, _compared.before)
    matches = _compared.found.matches
    return flame_difference(before.flame(at), _compared.after.flame(at), matches)
