"""Altair charts of finished data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import altair as alt
import pandas as pd
import streamlit as st

Chart: TypeAlias = Any
"""An Altair chart; its methods are not typed closely enough to name the kinds."""
PICKED: Final = "picked"
"""Name of the selection in a chart of which something can be picked."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A chart as `st.altair_chart` reads it. To hold it to Vega-Lite's schema whenever it is
    drawn would take a fifth of the time that a page takes; the tests do."""

    chart: Chart

    def to_dict(self) -> dict[str, Any]:
        """The Vega-Lite specification."""
        found: dict[str, Any] = self.chart.to_dict(validate=False)
        return found


def show(chart: Chart, says: str) -> None:
    """Puts a chart on the page. `says`: what it shows, for who does not see it."""
    st.altair_chart(cast(Chart, _Drawn(chart)), alt=says)


def show_to_pick(chart: Chart, says: str, *, key: str, on_pick: Callable[[], None]) -> None:
    """The same of one that has the selection `PICKED`; `picked` tells what is in it."""
    st.altair_chart(
        cast(Chart, _Drawn(chart)), alt=says, key=key, on_select=on_pick, selection_mode=PICKED
    )


def picked(key: str, field: str) -> Any:
    """The field of what was picked in the chart with this key; None for nothing."""
    found = st.session_state[key].selection.get(PICKED) or [{}]
    return found[0].get(field)


def time_axis(times: pd.Series) -> alt.X:
    """An axis of `time`, in 24 hours, as fine as its length asks for."""
    seconds = (times.max() - times.min()).total_seconds() if len(times) else 0
    shown = "%H:%M:%S" if seconds < 600 else "%H:%M" if seconds < 86_400 else "%m-%d %H:%M"
    return alt.X("time:T", title=None, axis=alt.Axis(format=shown, tickCount=5, labelFlush=True))
