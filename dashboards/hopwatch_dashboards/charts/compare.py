"""Before and after: the bridge, the distributions, the difference by percentile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import altair as alt
import pandas as pd

from hopwatch_dashboards import theme
from hopwatch_dashboards.charts import Chart
from hopwatch_dashboards.charts.tail import percentile_axis
from hopwatch_dashboards.views.compare_bridge import Bridge, Step
from hopwatch_dashboards.views.compare_percentiles import OTHERS

BEFORE, AFTER = "#8a94a3", "#c2571a"
_COLOURS: Final = {
    "mean": theme.NEUTRAL, "more": theme.SLOWER, "less": theme.FASTER, "mix": theme.MIX,
}  # fmt: skip
_SEQUENCE: Final = (
    "#1b87b8", "#d1520a", "#0b9467", "#a253b3", "#b07d00", "#4668d8", "#c8457d", "#8a7a12",
)  # fmt: skip
_OTHERS: Final = "#7d838c"
_LINE: Final = "#3b4048"
_ROW: Final = 28
_AXIS: Final = 70
"""Heights, in pixels: Streamlit takes the axis' from the chart's."""
_LONGEST: Final = 28
"""Of a name beside the bridge, characters: the middle is left out, for names differ at the end."""


def bridge(shown: Bridge) -> Chart:
    """Before, each step from where the last one ended, after: downwards. What may be chance is
    pale; a line below is the interval of a step, where there is one. The axis begins where there
    is something to see."""
    data, domain = _rows(shown)
    order = list(data["label"])
    y = alt.Y("label:N", sort=order, title=None,
              axis=alt.Axis(labelLimit=170, labelOverlap=False, labelFlush=False, ticks=False,
                            domain=False))  # fmt: skip
    scale = alt.Scale(domain=domain, nice=False, zero=False)
    cut = "" if domain[0] <= 0 else " (not from 0)"
    x = alt.X("from:Q", scale=scale, title=f"{shown.scale.unit}, the mean request{cut}",
              axis=alt.Axis(tickCount=4, format=",~r"))  # fmt: skip
    base = alt.Chart(data)
    bars = base.mark_bar(cornerRadius=2, height=14).encode(
        x=x, x2="to:Q", y=y,
        color=alt.Color("sort:N", legend=None,
                        scale=alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))),
        opacity=alt.Opacity("opacity:Q", scale=None),
    )  # fmt: skip
    joints = base.mark_rule(strokeDash=[2, 2], opacity=0.6, color=_OTHERS).encode(
        x=alt.X("end:Q", scale=scale), y=y, y2="next:N"
    )
    # Below its bar: on the bar no one colour is seen in both themes.
    intervals = base.transform_filter("isValid(datum.low)").mark_rule(
        strokeWidth=2, color=_OTHERS, yOffset=11
    ).encode(x=alt.X("low:Q", scale=scale), x2="high:Q", y=y)  # fmt: skip
    texts = base.mark_text(align="left", dx=6, fontWeight=600, color=_OTHERS).encode(
        x=alt.X("right:Q", scale=scale), y=y, text="printed:N"
    )
    tooltip = [
        alt.Tooltip("name:N", title="step"),
        alt.Tooltip("printed:N", title=f"{shown.scale.unit} a request"),
        alt.Tooltip("interval:N"),
        alt.Tooltip("words:N", title="how sure"),
    ]
    targets = base.mark_bar(opacity=0.001).encode(
        x=alt.value(0), x2=alt.value("width"), y=y, tooltip=tooltip
    )
    layers = alt.layer(joints, bars, intervals, texts, targets)
    return layers.properties(height=_ROW * len(data) + _AXIS)


def _rows(shown: Bridge) -> tuple[pd.DataFrame, list[float]]:
    steps = shown.all
    unit_ns = 1000 * shown.scale.tick_ns
    reaches = [[ns / unit_ns for ns in _reach(step)] for step in steps]
    ends = [end for reach in reaches for end in reach]
    low, high = min(ends), max(ends)
    room = (high - low) or high or 1.0
    first = low - 0.12 * room
    domain = [first if first > high / 4 else min(0.0, low), high + 0.3 * room]
    labels = _unlike(theme.readable(step.name, _LONGEST) for step in steps)
    rows = []
    for step, reach, label, following in zip(
        steps, reaches, labels, [*labels[1:], labels[-1]], strict=True
    ):
        end, start, *around = reach
        rows.append(
            {
                "label": label, "name": theme.readable(step.name), "next": following,
                "to": end, "end": end,
                "from": domain[0] if step.sort == "mean" else start,
                "sort": _sort(step), "printed": step.printed,
                "opacity": 1.0 if step.is_certain or step.judgement is None else 0.45,
                "low": around[0] if around else None, "high": around[1] if around else None,
                "right": max(reach), "words": step.words, "interval": step.between,
            }
        )  # fmt: skip
    return pd.DataFrame(rows), domain


def _reach(step: Step) -> list[int]:
    """Where a step ends and starts, and its interval where there is one, ns."""
    found = [step.end_ns, step.end_ns if step.sort == "mean" else step.start_ns]
    if step.low_ns is not None and step.high_ns is not None:
        found += [step.start_ns + step.low_ns, step.start_ns + step.high_ns]
    return found


def _sort(step: Step) -> str:
    if step.sort in ("mean", "mix"):
        return step.sort
    return "more" if step.change_ns > 0 else "less"


def _unlike(names: Iterable[str]) -> list[str]:
    """Names of which no two are the same."""
    found: dict[str, None] = {}
    for name in names:
        text, number = name, 2
        while text in found:
            text, number = f"{name} ({number})", number + 1
        found[text] = None
    return list(found)


def distributions(frame: pd.DataFrame) -> Chart:
    """How long requests take on both sides, over a logarithmic axis. `frame`: as of
    `views.compare_percentiles.both`."""
    base = alt.Chart(frame).encode(
        x=alt.X("low:Q", scale=alt.Scale(type="log", nice=False), title="ms, end to end",
                axis=alt.Axis(format="~g", tickCount=6, grid=False)),
        x2="high:Q",
        y=alt.Y("share:Q", title="share of the requests", axis=alt.Axis(format="%", tickCount=4)),
        y2=alt.datum(0),
        tooltip=[
            alt.Tooltip("side:N"),
            alt.Tooltip("low:Q", title="from ms", format=",.3~g"),
            alt.Tooltip("high:Q", title="to ms", format=",.3~g"),
            alt.Tooltip("requests:Q", format=",.0f"),
            alt.Tooltip("share:Q", format=".1%"),
            alt.Tooltip("upto:Q", title="at most this long", format=".1%"),
        ],
    )  # fmt: skip
    before = base.transform_filter("datum.side == 'before'").mark_bar(
        color=BEFORE, opacity=0.6, binSpacing=0
    )
    after = base.transform_filter("datum.side == 'after'").mark_bar(
        color=AFTER, fillOpacity=0.12, stroke=AFTER, strokeWidth=1.6, binSpacing=0
    )
    return alt.layer(before, after).properties(height=240)


def hop_colours(hops: Iterable[str]) -> dict[str, str]:
    """A colour for each, in their order."""
    named = [hop for hop in hops if hop != OTHERS]
    found = {hop: _SEQUENCE[place % len(_SEQUENCE)] for place, hop in enumerate(named)}
    return found | {OTHERS: _OTHERS}


def by_percentile(frame: pd.DataFrame) -> Chart:
    """The difference over the percentile: each hop's part as a bar, rises upwards and falls
    downwards, and a line for the sum. `frame`: as of `views.compare_percentiles.differences`."""
    hops = list(dict.fromkeys(frame["hop"]))
    colours = hop_colours(hops)
    names = {hop: theme.readable(hop, 60) or "others" for hop in hops}
    data = frame.assign(
        name=frame["hop"].map(names), number=frame["hop"].map({h: i for i, h in enumerate(hops)}),
        ms=frame["ns"] / 1e6, total=frame["total_ns"] / 1e6,
        low=frame["low"] / 1e6, high=frame["high"] / 1e6,
        at=[f"p{percent:.4g}" for percent in frame["percent"]],
    ).drop(columns=["hop"])  # fmt: skip
    y = alt.Y(
        "low:Q", title="after \N{MINUS SIGN} before, ms", axis=alt.Axis(tickCount=5, format="+,~r")
    )
    bars = alt.Chart(data).mark_rect(opacity=0.85).encode(
        x=percentile_axis("left:Q"), x2="right:Q", y=y, y2="high:Q",
        color=alt.Color("number:N", legend=None, scale=alt.Scale(
            domain=list(range(len(hops))), range=[colours[hop] for hop in hops])),
        tooltip=[
            alt.Tooltip("name:N", title="hop"),
            alt.Tooltip("at:N", title="requests at"),
            alt.Tooltip("ms:Q", title="change, ms", format="+,.3f"),
            alt.Tooltip("total:Q", title="all together, ms", format="+,.3f"),
        ],
    )  # fmt: skip
    sums = alt.Chart(data.drop_duplicates("percent")).encode(
        x=percentile_axis("place:Q"), y=alt.Y("total:Q")
    )
    # In a line of both, one of the two is seen on any colour, in either theme.
    lines = [
        sums.mark_line(color=colour, strokeWidth=width, point={"color": colour, "size": size})
        for colour, width, size in (("white", 5, 60), (_LINE, 2, 18))
    ]
    zero = alt.Chart(pd.DataFrame({"low": [0.0]})).mark_rule(color=_OTHERS).encode(y="low:Q")
    return alt.layer(bars, zero, *lines).properties(height=280)
