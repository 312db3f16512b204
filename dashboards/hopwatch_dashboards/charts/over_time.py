"""Charts over time."""

from __future__ import annotations

import altair as alt
import pandas as pd

from hopwatch_dashboards import theme
from hopwatch_dashboards.charts import Chart, time_axis

_AXIS = alt.Axis(title=None, minExtent=44, maxExtent=44, tickCount=4)


def spent(frame: pd.DataFrame, order: list[tuple[str, str, str]]) -> Chart:
    """Stacked areas of ms per request, one per (hop, language, kind); the first of `order` on
    top. `frame`: as of `views.over_time.by_hop`."""
    keys = list(zip(frame["hop"], frame["language"], frame["kind"], strict=True))
    rank = {key: i for i, key in enumerate(order)}
    data = frame[["time", "ms"]].assign(
        hop=[theme.readable(hop, 60) for hop in frame["hop"]],
        kind=frame["kind"],
        rank=[rank.get(key, len(rank)) for key in keys],
        row=[theme.readable(f"{hop} {kind} {language}", 90) for hop, language, kind in keys],
    )
    colours = {
        row: theme.colour(language, kind)
        for row, (_, language, kind) in zip(data["row"], keys, strict=True)
    }
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return (
        alt.Chart(data)
        .mark_area(interpolate="step-after")
        .encode(
            x=time_axis(frame["time"]),
            y=alt.Y("ms:Q", stack="zero", axis=_AXIS),
            color=alt.Color("row:N", scale=scale, legend=None),
            order=alt.Order("rank:Q", sort="descending"),
            tooltip=[
                alt.Tooltip("hop:N"),
                alt.Tooltip("kind:N"),
                alt.Tooltip("ms:Q", title="ms/request", format=",.3f"),
                alt.Tooltip("time:T", format="%H:%M:%S"),
            ],
        )
        .properties(height=230)
    )


def percentiles(frame: pd.DataFrame) -> Chart:
    """p50 and p95 of the end-to-end time. `frame`: as of `views.over_time.requests`."""
    long = frame[["time", "p50", "p95"]].melt("time", var_name="percentile", value_name="ms")
    scale = alt.Scale(domain=["p50", "p95"], range=[theme.NEUTRAL, theme.ACCENT])
    return (
        alt.Chart(long)
        .mark_line(strokeWidth=1.6, point={"size": 14})
        .encode(
            x=time_axis(frame["time"]),
            y=alt.Y("ms:Q", axis=_AXIS),
            color=alt.Color("percentile:N", scale=scale, title=None, legend=None),
            tooltip=[
                alt.Tooltip("percentile:N"),
                alt.Tooltip("ms:Q", format=",.3f"),
                alt.Tooltip("time:T", format="%H:%M:%S"),
            ],
        )
        .properties(height=130)
    )


def rate(frame: pd.DataFrame) -> Chart:
    """Requests a second, the failed ones in red. `frame`: as of `views.over_time.requests`."""
    base = alt.Chart(frame).encode(
        x=time_axis(frame["time"]),
        tooltip=[
            alt.Tooltip("rate:Q", title="requests/s", format=",.2f"),
            alt.Tooltip("failed:Q", title="failed/s", format=",.2f"),
            alt.Tooltip("time:T", format="%H:%M:%S"),
        ],
    )
    all_requests = base.mark_area(color=theme.NEUTRAL, opacity=0.55, interpolate="step-after")
    failed = base.mark_area(color="#c8372d", interpolate="step-after")
    return alt.layer(
        all_requests.encode(y=alt.Y("rate:Q", axis=_AXIS)), failed.encode(y="failed:Q")
    ).properties(height=90)
