"""What reading costs without hopwatch: the baselines of reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow.parquet as pq

from hopwatch.attribution import COLUMNS

ALL: Final = (-(2**63), 2**63 - 1)
"""A window of all times."""


def read_plainly(files: Sequence[str]) -> int:
    """Reads the columns that attribution needs, file by file, as pyarrow does unless told
    otherwise; gives the number of rows."""
    return sum(pq.read_table(file, columns=list(COLUMNS)).num_rows for file in files)


def read_dictionaries(files: Sequence[str]) -> int:
    """The least that reading them can cost: no text is made of what Parquet has as dictionaries,
    and nothing is kept."""
    maps = [
        f"{name}.key_value.{part}"
        for name in COLUMNS
        if name.endswith("_attributes")
        for part in ("key", "value")
    ]
    rows = 0
    for path in files:
        with pq.ParquetFile(path, read_dictionary=maps, memory_map=True) as file:
            for group in range(file.num_row_groups):
                rows += file.read_row_group(group, columns=list(COLUMNS)).num_rows
    return rows
