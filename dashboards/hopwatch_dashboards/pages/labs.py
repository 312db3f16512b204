"""Labs: start a fault of known size, look for it on the other pages, reveal it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import streamlit as st

from hopwatch_dashboards import controls, exercise, navigation, snapshot, states, theme
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.views import labs as view

if TYPE_CHECKING:
    from hopwatch_stack.labs import Lab, RunningLab

_LOAD = "hopwatch-stack load --seconds 120"


def render(source: Source) -> None:
    st.title("Labs")
    st.markdown(
        "A lab puts one fault of known size into a part of the shop's requests. Find it from the "
        "other pages: which hop, and what kind of time? Then reveal it."
    )
    if not exercise.labs():
        st.info(
            "Labs belong to the sample shop, which is not installed here. In a checkout, "
            "`make demo` starts it with this page; beside containers, "
            "`hopwatch-stack lab start --surprise` in a terminal.",
            icon=":material/science:",
        )
        return
    recorded = exercise.recorded()
    running = None if recorded else _on_the_shop()
    lab = recorded or (running.lab if running else None)
    if lab is not None:
        _exercise(lab, source, on_the_shop=running is not None)
    if recorded is None:
        _recordings()


def _on_the_shop() -> RunningLab | None:
    """Starts and stops labs on the stack that is up; returns the one that runs."""
    from hopwatch_stack import labs
    from hopwatch_stack.errors import StackError
    from hopwatch_stack.stack import Stack

    state_dir = exercise.state_dir()
    st.subheader("On the running shop")
    try:
        if not Stack(state_dir).has_labs():
            st.info("No shop that obeys labs is up here: `make demo` starts one.")
            return None
        running = labs.current(state_dir)
    except StackError as error:
        st.error(theme.markdown(str(error), 1000))
        return None
    if running is not None:
        since = f"{running.started_at.astimezone():%H:%M:%S}"
        st.markdown(f"A lab runs since {since}, in {running.share:.0%} of the requests.")
        if st.button("Stop it", icon=":material/stop_circle:"):
            labs.stop(state_dir)
            st.rerun()
        return running
    with st.container(horizontal=True):
        for number, lab in enumerate(labs.all(), 1):
            if st.button(lab.title, key=f"start-{number}", help=lab.symptom):
                _start(lab, is_surprise=False)
        if st.button("Surprise me", icon=":material/casino:", key="start-any"):
            _start(random.choice(labs.all()), is_surprise=True)
    return None


def _start(lab: Lab, *, is_surprise: bool) -> None:
    from hopwatch_stack import labs

    labs.start(exercise.state_dir(), lab.name, is_surprise=is_surprise)
    st.session_state.pop(exercise.REVEAL, None)
    st.rerun()


def _recordings() -> None:
    st.subheader("Recorded", help="Requests of the same shop while a lab ran, with the fault and "
                 "without it. They need no shop.")  # fmt: skip
    with st.container(horizontal=True):
        for number, lab in enumerate(exercise.labs(), 1):
            if lab.recording.exists() and st.button(
                f"Recording {number}", key=f"open-{number}", help=lab.symptom
            ):
                st.session_state.pop(exercise.REVEAL, None)
                st.session_state[exercise.RECORDING] = str(number)
                navigation.go(navigation.url("labs", recording=str(number)))


def _exercise(lab: Lab, source: Source, *, on_the_shop: bool) -> None:
    st.subheader("What you are told")
    st.info(lab.symptom, icon=":material/support_agent:")
    if on_the_shop:
        st.caption("Requests are needed to see it. In a terminal:")
        st.code(_LOAD, language="sh")
    extent = source.extent()
    if extent.min_start_ns is None:
        states.no_requests(source, 0, 0)
        return
    chosen = controls.show_time(source)
    taken = controls.take(source, chosen)
    hops = [group.key[0] for group in snapshot.ledger(taken, source).group_by("hop")]
    _guess(lab, hops)
    if st.button("Reveal", icon=":material/visibility:", key="reveal-button"):
        st.session_state[exercise.REVEAL] = True
    if st.session_state.get(exercise.REVEAL):
        window = taken.window
        _answer(lab, view.truth(
            source.window(window.start, window.end), _name_attribute(), lab.name, lab.measure,
            lab.answer.hop, lab.answer.kind,
        ))  # fmt: skip


def _guess(lab: Lab, hops: list[str]) -> None:
    st.subheader("Your guess")
    with st.form("guess", border=False):
        left, right = st.columns(2)
        hop = left.selectbox("Hop", hops, index=None, placeholder="Where is the time lost?",
                             format_func=lambda text: theme.readable(text, 120))  # fmt: skip
        kind = right.selectbox(
            "Kind of time", list(view.KINDS), index=None, placeholder="What kind of time is it?",
            format_func=lambda kind: f"{kind}: {view.KINDS[kind]}",
        )  # fmt: skip
        asked = st.form_submit_button("Check")
    if not asked:
        return
    if hop is None or kind is None:
        st.warning("Choose a hop and a kind of time.")
        return
    found = view.verdict(hop, kind, lab.answer.hop, lab.answer.kind)
    (st.success if found.right else st.warning)(found.words)


def _answer(lab: Lab, truth: view.Truth | None) -> None:
    answer = lab.answer
    st.subheader(lab.title)
    st.markdown(f"**{answer.hop}**, {answer.kind}: {answer.where}.")
    st.markdown(answer.explanation)
    if truth is None:
        st.caption(
            "No request in this time carries the fault: put load on, or choose another time."
        )
        return
    faulty, clean = truth.faulty, truth.clean
    measure = lab.measure.rpartition(".")[2].replace("_ms", ", ms").replace("_", " ")
    st.markdown(
        f"What the services recorded: {faulty.requests:,} of {faulty.requests + clean.requests:,} "
        "requests of the same routes carry the fault."
    )
    st.table(
        {
            "": ["with the fault", "without"],
            "requests": [f"{faulty.requests:,}", f"{clean.requests:,}"],
            f"{measure} (median, recorded)": [f"{truth.measure:g}", "0"],
            f"ms/request in {answer.hop}, {answer.kind}": [
                f"{faulty.ns / 1e6:.1f}", f"{clean.ns / 1e6:.1f}" if clean.requests else "-",
            ],
            "its spans per request": [
                f"{faulty.calls:.1f}", f"{clean.calls:.1f}" if clean.requests else "-",
            ],
        }
    )  # fmt: skip


def _name_attribute() -> str:
    from hopwatch_stack.labs import NAME_ATTRIBUTE

    return NAME_ATTRIBUTE
