"""Globs by which requests and cells are chosen."""

import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopwatch.attribution.select import glob


@given(st.text("ab*?", max_size=8), st.text("ab\n", max_size=10))
def test_as_fnmatch_has_it(pattern: str, text: str) -> None:
    assert bool(glob(pattern).fullmatch(text)) is fnmatchcase(text, pattern)


def test_brackets_of_routes_are_meant_as_they_stand() -> None:
    assert glob("GET /[id]*").fullmatch("GET /[id]/x")
    assert not glob("GET /[id]").fullmatch("GET /i")


@pytest.mark.parametrize("pattern", ["*" * 60 + "b", "*a" * 30 + "*b", "*?" * 30 + "b"])
def test_many_stars_take_no_time(pattern: str) -> None:
    start = time.process_time()
    assert not glob(pattern).fullmatch("a" * 500)
    assert time.process_time() - start < 1
