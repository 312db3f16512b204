"""The offset of two clocks over time."""

from __future__ import annotations

import altair as alt
import pandas as pd

from hopwatch_dashboards import theme
from hopwatch_dashboards.charts import Chart, time_axis


def offset(windows: pd.DataFrame) -> Chart:
    """Between which bounds the offset lies, a block a window; the likeliest value in them; a line
    where a clock was set. `windows`: as of `views.clocks.Pair`."""
    tooltip = [
        alt.Tooltip("theta:Q", title="offset, ms", format=",.3f"),
        alt.Tooltip("low:Q", title="at least, ms", format=",.3f"),
        alt.Tooltip("high:Q", title="at most, ms", format=",.3f"),
        alt.Tooltip("calls:Q", format=","),
        alt.Tooltip("time:T", format="%H:%M:%S"),
    ]
    base = alt.Chart(windows).encode(
        x=time_axis(windows["time"]), detail="window:N", tooltip=tooltip
    )
    y = alt.Y("low:Q", title=None, scale=alt.Scale(zero=False, padding=6),
              axis=alt.Axis(tickCount=4, minExtent=48, maxExtent=48))  # fmt: skip
    band = base.mark_area(color=theme.NEUTRAL, opacity=0.4).encode(y=y, y2="high:Q")
    likeliest = base.mark_line(color=theme.NEUTRAL, strokeWidth=2.2).encode(y="theta:Q")
    steps = (
        alt.Chart(windows[windows["stepped"]])
        .mark_rule(color=theme.ACCENT, strokeDash=[4, 3], strokeWidth=1.8)
        .encode(x="time:T", tooltip=tooltip)
    )
    return alt.layer(band, likeliest, steps).properties(height=130)
