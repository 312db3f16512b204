"""The distribution of the end-to-end time."""

from __future__ import annotations

import altair as alt
import pandas as pd

from hopwatch_dashboards import theme
from hopwatch_dashboards.charts import PICKED, Chart


def histogram(frame: pd.DataFrame, mark_ms: float, mark: str) -> Chart:
    """Bars over a logarithmic axis, and a line where `mark` (the mean, a percentile) lies. A
    bar can be picked, by its field `middle`. `frame`: as of `views.distribution.histogram`."""
    top = float(frame["requests"].max())
    data = frame.assign(top=top, share=frame["upto"])
    x = alt.X("low:Q", scale=alt.Scale(type="log", nice=False), title="ms, end to end",
              axis=alt.Axis(format="~g", tickCount=6, grid=False))  # fmt: skip
    y_scale = alt.Scale(type="sqrt", domain=[0, top])
    pick = alt.selection_point(name=PICKED, fields=["middle"], on="click", empty=False)
    tooltip = [
        alt.Tooltip("low:Q", title="from ms", format=",.3~g"),
        alt.Tooltip("high:Q", title="to ms", format=",.3~g"),
        alt.Tooltip("requests:Q", format=","),
        alt.Tooltip("share:Q", title="at most this long", format=".1%"),
    ]
    base = alt.Chart(data).encode(x=x, x2="high:Q", y2=alt.datum(0), tooltip=tooltip)
    bars = base.mark_bar(binSpacing=1, cornerRadiusEnd=2).encode(
        y=alt.Y("requests:Q", scale=y_scale, title="requests (square-root scale)",
                axis=alt.Axis(tickCount=4)),
        color=alt.condition(pick, alt.value(theme.ACCENT), alt.value(theme.NEUTRAL)),
    )  # fmt: skip
    # The whole height can be clicked, for the bars of the tail are low.
    targets = base.mark_bar(opacity=0.001, cursor="pointer").encode(
        y=alt.Y("top:Q", scale=y_scale)
    ).add_params(pick)  # fmt: skip
    line = alt.Chart(pd.DataFrame({"ms": [mark_ms], "mark": [mark]}))
    rule = line.mark_rule(color=theme.ACCENT, strokeWidth=2).encode(x="ms:Q")
    text = line.mark_text(color=theme.ACCENT, align="left", dx=4, baseline="top", fontWeight=600)
    return alt.layer(
        bars, rule, text.encode(x="ms:Q", y=alt.value(0), text="mark:N"), targets
    ).properties(height=260)
