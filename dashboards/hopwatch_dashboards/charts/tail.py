"""What requests spend, over their percentile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import altair as alt
import pandas as pd

from hopwatch_dashboards import theme
from hopwatch_dashboards.charts import PICKED, Chart
from hopwatch_dashboards.views.tail import place

_TICKS: Final = (1, 10, 25, 50, 75, 90, 95, 99, 99.9)
_LABELLED: Final = 0.07  # of the height; what is lower has its name below the chart only


def spent(
    frame: pd.DataFrame,
    colours: Mapping[int, str],
    names: Mapping[int, str],
    *,
    as_share: bool,
    marked: Sequence[float],
) -> Chart:
    """The rows stacked over the percentile, which can be picked, by its field `percent`.
    `frame`: as of `views.tail.curve`; `colours` and `names`: of its rows; `marked`: percentages
    with a line through them."""
    data = _stacked(frame, names, as_share=as_share)
    areas = (
        alt.Chart(data)
        .mark_area(interpolate="monotone", strokeWidth=0.6, stroke="white", strokeOpacity=0.7)
        .encode(
            x=percentile_axis("place:Q"), y=_y(data, as_share=as_share), y2="high:Q",
            color=alt.Color("row:N", legend=None, scale=alt.Scale(
                domain=list(colours), range=list(colours.values()))),
        )
    )  # fmt: skip
    layers = [areas, *_marks(marked), _labels(data), _targets(data)]
    return alt.layer(*layers).properties(height=340)


def _stacked(frame: pd.DataFrame, names: Mapping[int, str], *, as_share: bool) -> pd.DataFrame:
    """With low and high of every row at every percentile; row 0 lies on top."""
    data = frame.drop(columns="key").sort_values(["percent", "row"], ascending=[True, False])
    data["name"] = data["row"].map(names)
    data["share"] = data["ns"] / data["total_ns"].clip(lower=1)
    data["ms"], data["total"] = data["ns"] / 1e6, data["total_ns"] / 1e6
    height = data["share" if as_share else "ms"]
    data["high"] = height.groupby(data["percent"]).cumsum()
    data["low"] = data["high"] - height
    data["at"] = [f"p{percent:.4g}" for percent in data["percent"]]
    return data


def percentile_axis(field: str) -> alt.X:
    """An axis of `views.tail.place`."""
    axis = alt.Axis(
        values=[place(percent / 100) for percent in _TICKS],
        labelExpr="'p' + format(100 - 100 * pow(10, -datum.value), '.3~r')",
        grid=False, labelOverlap="greedy",
    )  # fmt: skip
    return alt.X(field, title="percentile of the end-to-end time", axis=axis,
                 scale=alt.Scale(nice=False, zero=False))  # fmt: skip


def _y(data: pd.DataFrame, *, as_share: bool) -> alt.Y:
    return alt.Y("low:Q", title="share of the request" if as_share else "ms a request",
                 scale=alt.Scale(domainMax=float(data["high"].max()), nice=False),
                 axis=alt.Axis(tickCount=5, format="%" if as_share else ",~r"))  # fmt: skip


def _targets(data: pd.DataFrame) -> Chart:
    """Over the areas, a block for each row at each percentile: it says what it is, and is what
    a click picks. An area by itself knows only its first point."""
    pick = alt.selection_point(name=PICKED, fields=["percent"], on="click", empty=False)
    return (
        alt.Chart(data)
        .mark_rect(opacity=0.001, cursor="pointer")
        .encode(
            x="left:Q", x2="right:Q", y="low:Q", y2="high:Q",
            tooltip=[
                alt.Tooltip("name:N", title="row"),
                alt.Tooltip("at:N", title="requests at"),
                alt.Tooltip("ms:Q", format=",.3f"),
                alt.Tooltip("share:Q", format=".1%"),
                alt.Tooltip("total:Q", title="end to end, ms", format=",.3f"),
            ],
        )
        .add_params(pick)
    )  # fmt: skip


def _marks(percentages: Sequence[float]) -> list[Chart]:
    marked = pd.DataFrame(
        {"place": [place(p / 100) for p in percentages], "at": [f"p{p:.4g}" for p in percentages]}
    )
    base = alt.Chart(marked).encode(x="place:Q")
    line = base.mark_rule(strokeDash=[4, 3], strokeWidth=1.5, color=theme.ACCENT)
    text = base.mark_text(baseline="bottom", fontWeight=600, color=theme.ACCENT)
    return [line, text.encode(text="at:N", y=alt.value(-3))]


def _labels(data: pd.DataFrame) -> Chart:
    """Names inside the end of the areas, where there is room for them."""
    last = data[data["percent"] == data["percent"].max()]
    room = last[last["high"] - last["low"] > _LABELLED * data["high"].max()]
    room = room.assign(inside=0.6 * room["low"] + 0.4 * room["high"])
    return (
        alt.Chart(room)
        .mark_text(align="right", dx=-8, fontWeight=600, fontSize=12, limit=140, color="white")
        .encode(x="place:Q", y="inside:Q", text="name:N")
    )
