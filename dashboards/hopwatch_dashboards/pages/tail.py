"""The tail: what slow requests spend their time on."""

from __future__ import annotations

import streamlit as st

from hopwatch_dashboards import charts, controls, markup, theme
from hopwatch_dashboards.charts import tail as tail_chart
from hopwatch_dashboards.markup import ledger as ledger_markup
from hopwatch_dashboards.markup import tail as tail_markup
from hopwatch_dashboards.markup.names import sentences
from hopwatch_dashboards.pages import of_requests
from hopwatch_dashboards.snapshot import Requests
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.views import breakdown, distribution, tail
from hopwatch_dashboards.views.exemplars import exemplars, of_length
from hopwatch_dashboards.views.tail_words import headline, refused

_AS = ["ms", "share"]


def render(source: Source) -> None:
    of_requests.show("Tail", source, _body)


def _body(requests: Requests) -> None:
    markup.show(sentences(*requests.view(headline)), key="words")
    keys = controls.group_by()
    if not keys:
        return
    low, high = _pair(requests)
    _curve(requests, keys, [low, high])
    _difference(requests, keys, low, high)


def _pair(requests: Requests) -> tuple[str, str]:
    """Shows the choice of the two statistics that are compared."""
    low, high = tail.usual_pair(requests.ledger)
    enough = list(tail.answerable(requests.ledger))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        high = controls.statistic("What requests at", "high", [*enough, breakdown.SLOWEST], high)
        low = controls.statistic(
            "spend more on than those at", "low", [breakdown.MEAN, *enough], low
        )
    return low, high


def _curve(requests: Requests, keys: tuple[str, ...], pair: list[str]) -> None:
    st.subheader("By percentile", help="What a request spends, from the fastest to the slowest;"
                 " what grows most lies on top. The height is the smoothed percentile of the"
                 " end-to-end time. Click a step to compare it.")  # fmt: skip
    frame = requests.view(tail.curve, keys)
    missing = refused(requests.ledger)
    if missing:
        st.caption(theme.markdown(missing, 400))
    if frame.empty:
        return
    as_ = st.segmented_control("Height", _AS, default="ms", required=True, key="as",
                               bind="query-params", label_visibility="collapsed")  # fmt: skip
    rows = frame.drop_duplicates("row")[["row", "key"]].sort_values("row")
    key_of = dict(zip(rows["row"], rows["key"], strict=True))
    charts.show_to_pick(
        tail_chart.spent(
            frame,
            {row: ledger_markup.colour(dict(zip(keys, key, strict=True)))[0]
             for row, key in key_of.items()},
            {row: tail_markup.row_name(keys, key) for row, key in key_of.items()},
            as_share=as_ == "share",
            marked=tail.marks(frame, pair),
        ),
        "What a request spends in each row, by its percentile; below, how each row begins and"
        " ends.",
        key="curve",
        on_pick=_pick,
    )  # fmt: skip
    ends = [(key_of[row], text) for row, text in tail.ends(frame)]
    between = f"From p{frame['percent'].min():.3g} to p{frame['percent'].max():.4g}:"
    markup.show(tail_markup.legend(ends, keys, between), key="legend")


def _pick() -> None:
    percent = charts.picked("curve", "percent")
    if percent is not None:
        st.session_state["high"] = distribution.percentile_word(float(percent) / 100)


def _difference(requests: Requests, keys: tuple[str, ...], low: str, high: str) -> None:
    words = breakdown.spoken(low), breakdown.spoken(high)
    st.subheader(f"What {words[1]} spends more on than {words[0]}",
                 help="Cell by cell; the differences add up to that of the end-to-end times,"
                 " as they are printed.")  # fmt: skip
    shown = requests.view(tail.compare, low, high, keys)
    for note in (f"Between {shown.low} and {shown.high}.", *shown.notes):
        st.caption(theme.markdown(note, 400))
    wanted = tuple(row.key for row in shown.rows)
    found = requests.view(exemplars, keys, wanted, high)
    totals = of_length(requests.ledger, low), of_length(requests.ledger, high)
    parameters = controls.kept_parameters()
    markup.show(tail_markup.difference(shown, words, found, totals, parameters), key="difference")
