"""Traces as points: when they began, how long they took, whether they failed."""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from hopwatch_dashboards.charts import PICKED, Chart

_OUTCOMES: Final = ["succeeded", "failed"]


def durations(frame: pd.DataFrame) -> Chart:
    """A point can be picked, by its field `trace`. `frame`: as of `views.traces.points`."""
    pick = alt.selection_point(name=PICKED, fields=["trace"], on="click", empty=False)
    return (
        alt.Chart(frame)
        .mark_point(filled=True, size=38, opacity=0.62, cursor="pointer")
        .encode(
            x=alt.X("when:T", title=None, axis=alt.Axis(grid=False)),
            y=alt.Y("ms:Q", title="ms, end to end",
                    scale=alt.Scale(type="log", nice=False, padding=8),
                    axis=alt.Axis(format="~g", tickCount=5)),
            color=alt.Color("outcome:N", legend=None,
                            scale=alt.Scale(domain=_OUTCOMES, range=["#4f83c4", "#d1442e"])),
            shape=alt.Shape("outcome:N", legend=None,
                            scale=alt.Scale(domain=_OUTCOMES, range=["circle", "triangle-up"])),
            tooltip=[
                alt.Tooltip("route:N"),
                alt.Tooltip("ms:Q", format=",.4~g"),
                alt.Tooltip("outcome:N"),
                alt.Tooltip("when:T", format="%Y-%m-%d %H:%M:%S.%L"),
            ],
        )
        .add_params(pick)
        .properties(height=240)
    )  # fmt: skip
