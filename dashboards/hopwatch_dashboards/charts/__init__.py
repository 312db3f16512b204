"""Altair charts of finished data."""

from __future__ import annotations

from typing import Any, TypeAlias

import altair as alt
import pandas as pd

Chart: TypeAlias = Any
"""An Altair chart; its methods are not typed closely enough to name the kinds."""


def time_axis(times: pd.Series) -> alt.X:
    """An axis of `time`, in 24 hours, as fine as its length asks for."""
    seconds = (times.max() - times.min()).total_seconds() if len(times) else 0
    shown = "%H:%M:%S" if seconds < 600 else "%H:%M" if seconds < 86_400 else "%m-%d %H:%M"
    return alt.X("time:T", title=None, axis=alt.Axis(format=shown, tickCount=5, labelFlush=True))
