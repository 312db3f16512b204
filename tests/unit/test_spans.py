"""The span table keeps every attribute value and its type; the public calls work on files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hopwatch
from hopwatch import spans
from hopwatch.errors import InputError

CLICK = Path(__file__).parents[1] / "golden" / "click" / "trace.otlp.jsonl"

SCALARS = st.one_of(
    st.text(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)
)
VALUES = st.one_of(
    st.none(),
    st.binary(),
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.text(), SCALARS, max_size=3),
)


@given(VALUES)
def test_values_come_back_as_they_were(value: object) -> None:
    text, letter = spans.encode_value(value)
    back = spans.decode_value(text, letter)
    assert back == value
    assert type(back) is type(value)
    assert letter in spans.ATTRIBUTE_TYPES


def test_text_that_looks_like_a_number_stays_text() -> None:
    assert spans.encode_value("200") == ("200", "s")
    assert spans.encode_value(200) == ("200", "i")
    assert spans.encode_value(True) == ("true", "b")


def test_columns_that_the_table_does_not_have_are_refused() -> None:
    with pytest.raises(KeyError, match="colour"):
        spans.table_from_columns({"colour": ["red"]})


def test_public_calls_read_and_attribute() -> None:
    ledger = hopwatch.attribute(hopwatch.read(CLICK))
    assert ledger.request_count == 1
    assert sum(g.blamed_ns for g in ledger.group_by("hop")) == ledger.total_ns == 29_340_000
    with pytest.raises(KeyError, match="colour"):
        ledger.group_by("colour")
    with pytest.raises(InputError, match=r"none\.json"):
        hopwatch.read("none.json")
