"""JSON documents out of whatever files hold: what is broken costs itself and is named."""

import gzip
import json
import random
import time
from typing import Any

import pyarrow as pa
import pytest

from hopwatch.errors import InputError
from hopwatch.formats import Rejections, decode
from hopwatch.formats.documents import documents
from hopwatch.signals import SPANS


def span(number: int) -> dict[str, Any]:
    return {"traceId": "a", "id": f"{number:x}", "timestamp": 1_700_000_000_000_000, "duration": 5}


def found(text: str | bytes) -> tuple[list[Any], dict[str, int], list[str]]:
    rejected = Rejections()
    data = text if isinstance(text, bytes) else text.encode()
    values = [document.value for document in documents(data, "f", rejected)]
    return values, dict(rejected.counts), [example.where for example in rejected.examples]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize(
    "text", ['{"a": "ü"}', '{"a":\n "ü"}', '  [{"a": "ü"}]\n'], ids=["line", "pretty", "list"]
)
def test_encodings(text: str, encoding: str) -> None:
    assert found(text.encode(encoding)) == ([json.loads(text)], {}, [])


@pytest.mark.parametrize(
    ("text", "values", "counts", "where"),
    [
        ('{"a":1}\n\n{"a":2}\r\n', [{"a": 1}, {"a": 2}], {}, []),
        ('{"a":1}{"a":2}', [{"a": 1}, {"a": 2}], {}, []),
        ('{\n "a":1\n}\n{\n "a":2\n}', [{"a": 1}, {"a": 2}], {}, []),
        ('\x1e{"a":1}\n\x1e{"a":2}\n', [{"a": 1}, {"a": 2}], {}, []),
        ('INFO x\n{"a":1}\nbye', [{"a": 1}], {"invalid_line": 2}, ["f:1", "f:3"]),
        ('{"a":1}\n17\n"t"\n', [{"a": 1}], {"invalid_line": 2}, ["f:2", "f:3"]),
        ('{"a":1} junk\n{"a":2}', [{"a": 1}, {"a": 2}], {"invalid_line": 1}, ["f:1"]),
        ('{"a": 1\n{"a":2}\n{"a":3}', [{"a": 2}, {"a": 3}], {"invalid_line": 1}, ["f:1"]),
        ('{"a": [\n{"a":2}\n{"a":3}', [{"a": 2}, {"a": 3}], {"invalid_line": 1}, ["f:1"]),
        (
            '[\n  {"a":1},\n  {"a":2},\n  {"a" oh\n  {"a":4}\n]\n{"a":5}',
            [[{"a": 1}, {"a": 2}], {"a": 5}],
            {"invalid_document": 1},
            ["f:1"],
        ),
        (
            '{"data": [{"spans": [{"s":1, "tags": [{"k":1}, {"k',
            [],
            {"invalid_line": 1},
            ["f:1"],
        ),
        (
            '{"data": [{"spans": [{"s":1}, {"s":2, "tags": [{"k":1}, {"k',
            [{"data": [{"spans": [{"s": 1}]}]}],
            {"invalid_line": 1},
            ["f:1"],
        ),
        (  # an item whose text lost its end: the brackets in it are text
            '[\n  {"a":1},\n  {"b": "[{}, {}]\n},\n  {"c":1}\n]',
            [[{"a": 1}]],
            {"invalid_document": 1},
            ["f:1"],
        ),
        ('[\n {"a":1},\n {"b": "}\\', [[{"a": 1}]], {"invalid_document": 1}, ["f:1"]),
    ],
)
def test_documents(text: str, values: list[Any], counts: dict[str, int], where: list[str]) -> None:
    assert found(text) == (values, counts, where)


def test_numbers_of_many_digits_cost_no_document() -> None:
    ((value,), counts, _) = found('{"a": ' + "9" * 5000 + "}")
    assert value["a"].text == "9" * 5000
    assert not counts


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1}\n' * 50_000,
        b"[\n" * 50_000,
        b'{"a":[\n' * 50_000,
        b"{\n" * 50_000 + b"}\n",
        b"junk\n" * 50_000 + b"{}",
    ],
)
def test_time_grows_with_the_size_alone(data: bytes) -> None:
    start = time.process_time()
    found(data)
    assert time.process_time() - start < 20  # quadratic time would be minutes


@pytest.mark.parametrize(
    "pack", [gzip.compress, lambda data: pa.compress(data, "zstd", True)], ids=["gzip", "zstd"]
)
def test_of_a_file_that_is_cut_off_what_is_there_is_read(pack: Any) -> None:
    draw = random.Random(1)
    lines = [
        json.dumps(span(number) | {"tags": {"x": draw.randbytes(20).hex()}})
        for number in range(1, 20_001)
    ]
    packed = pack("\n".join(lines).encode())
    contents = decode(packed[: len(packed) * 2 // 3], "f")
    table, rejected = contents.of(SPANS)
    assert 10_000 < table.num_rows < 15_000
    assert not rejected.total
    assert contents.unreadable.counts["cut_off_file"] == 1
    assert contents.unreadable.counts.total() <= 2  # and the line that it is cut off in


def test_of_a_file_that_is_cut_off_at_once_nothing_is_read() -> None:
    with pytest.raises(InputError, match="f: nothing can be read: broken gzip data"):
        decode(gzip.compress(b"{}")[:12], "f")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04rest", "a ZIP archive: unpack it first"),
        (b"<!doctype html><p>Sign in", "HTML or XML that begins"),
        (b'{"traces": [{"traceID": "1"}]}', "fetch /api/traces/ID of each"),
        (b'{"traceEvents": []}', "a Chrome trace"),
        (b"\0" * 300, "binary data that begins 00"),
    ],
)
def test_other_files_are_told_what_they_are(data: bytes, says: str) -> None:
    with pytest.raises(InputError, match="holds no telemetry") as error:
        decode(data, "f")
    assert says in str(error.value)


@pytest.mark.parametrize("data", [b"[]", b'{"data": []}', b'{"trace": {}}', b"[[]]"])
def test_an_empty_answer_has_no_spans(data: bytes) -> None:
    contents = decode(data, "f")
    assert not contents.of(SPANS).table.num_rows
    assert not contents.unreadable.total
