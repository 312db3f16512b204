"""Charts of processes over time: one line a process."""

from __future__ import annotations

import altair as alt
import pandas as pd

from hopwatch_dashboards import theme
from hopwatch_dashboards.charts import Chart, time_axis


def lines(frame: pd.DataFrame, colour: str, unit: str) -> Chart:
    """`frame`: time, instance, value. All lines have the hop's colour; hovering tells them
    apart."""
    data = frame.assign(process=[theme.readable(text, 40) for text in frame["instance"]])
    return (
        alt.Chart(data)
        .mark_line(color=colour, strokeWidth=1.6, point={"size": 12, "color": colour})
        .encode(
            x=time_axis(frame["time"]),
            y=alt.Y("value:Q", title=None, axis=alt.Axis(tickCount=4, minExtent=44, maxExtent=44)),
            detail="process:N",
            tooltip=[
                alt.Tooltip("process:N"),
                alt.Tooltip("value:Q", title=unit or "value", format=",.3f"),
                alt.Tooltip("time:T", format="%H:%M:%S"),
            ],
        )
        .properties(height=120)
    )
