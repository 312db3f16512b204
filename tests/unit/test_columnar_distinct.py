"""Combinations of codes are numbered alike, in whatever parts they come."""

from __future__ import annotations

import numpy as np

from hopwatch.attribution.columnar.distinct import Numbering, distinct_rows


def test_numbers_grow_with_what_is_new_and_stay() -> None:
    random = np.random.default_rng(3)
    columns = random.integers(-1, 40, (3, 9_000), np.int32)
    parts = np.split(columns, [1, 2, 4_000, 8_999], axis=1)
    numbering = Numbering(3)
    found, new = zip(*(numbering.add(list(part), part.shape[1]) for part in parts), strict=True)
    number, first = distinct_rows(list(columns))
    assert np.concatenate(found).tolist() == number.tolist()
    assert np.concatenate(new).tolist() == columns[:, first].T.tolist()


def test_a_column_left_out_is_one_of_nothing() -> None:
    numbering = Numbering(2)
    some = np.array([5, -1, 7], np.int32)
    given, _ = numbering.add([some, np.full(3, -1, np.int32)], 3)
    left_out, new = numbering.add([some, None], 3)
    assert left_out.tolist() == given.tolist() == [0, 1, 2]
    assert not len(new)
    nothing, _ = numbering.add([None, None], 2)
    assert nothing.tolist() == [1, 1]
