"""Matrix: one service in several languages, measured, beside what is said of the languages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import streamlit as st

from hopwatch.errors import InputError
from hopwatch_dashboards import exercise, markup, theme
from hopwatch_dashboards.markup import matrix as matrix_markup
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.views import matrix as view

MATRIX_VARIABLE: Final = "HOPWATCH_DASHBOARD_MATRIX"


def render(_source: Source) -> None:
    """Needs no traces: a file says all."""
    st.title("Matrix")
    st.markdown(
        "The sample shop's service *orders*, written in several languages against one contract and"
        " one test suite, under the same loads."
    )
    path = _file()
    if path is None:
        st.info("Nothing was measured here yet. In a checkout, this does (some 35 minutes; Ctrl-C"
                " keeps what it has by then):", icon=":material/balance:")  # fmt: skip
        st.code("hopwatch-stack matrix", language="sh")
        st.markdown("Or look at a result: `hopwatch dashboard --matrix docs/matrix.json`.")
        return
    try:
        found = view.read(path)
    except InputError as error:
        st.error(theme.markdown(str(error), 600), icon=":material/error:")
        return
    markup.show(matrix_markup.head(found), key="words")
    for group in dict.fromkeys(row.group for row in found.rows):
        st.subheader(theme.markdown(group, 60))
        markup.show(matrix_markup.rows(found, group), key=f"rows-{group}")
    st.subheader("What is said, and what was measured", help="The usual table of opinions, line by"
                 " line.")  # fmt: skip
    markup.show(matrix_markup.opinions(found), key="opinions")
    st.subheader("What this cannot say")
    markup.show(matrix_markup.limits(found), key="limits")
    st.subheader("Made with")
    markup.show(matrix_markup.made_with(found), key="made-with")


def _file() -> Path | None:
    """The one that was named, else the stack's last."""
    named = os.environ.get(MATRIX_VARIABLE)
    return Path(named) if named else view.newest(exercise.state_dir() / "matrix")
