"""Files are read part by part whatever they are called."""

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hopwatch.formats import parts, read_files
from hopwatch.signals import SPANS


def line(number: int) -> bytes:
    span = {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": f"{number:016x}",
        "name": "x" * 100,
        "startTimeUnixNano": "1000",
        "endTimeUnixNano": "2000",
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode() + b"\n"


def span_numbers(path: Path) -> list[int]:
    found = [contents.of(SPANS).table for contents in parts.read_parts(path)]
    return [int.from_bytes(id_) for table in found for id_ in table["span_id"].to_pylist()]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.jsonl"))
    try:
        path.write_bytes(line(1))
    except OSError:
        pytest.skip("this file system takes only names of UTF-8")
    assert span_numbers(path) == [1]
    with path.open("r+b") as file:
        table = read_files([path]).table
        file.truncate()
        pq.write_table(table, file)
    assert span_numbers(path) == [1]
