"""Simulated spans to files, or to a receiver. What is written depends on the scenario, the seed
and the number of requests alone."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hopwatch.errors import InputError, UsageError
from hopwatch.formats.otlp_span_writer import SpanWriter, WrittenSpan
from hopwatch.simulation.contents import id_bytes, table_of, trace_id_bytes
from hopwatch.spans import SCHEMA

Received = npt.NDArray[np.void]
Progress = Callable[[int], None]

FORMS: Final = (".jsonl", ".json", ".binpb", ".pb", ".parquet")
"""Ends of file names: OTLP/JSON a line, OTLP/protobuf with 4-byte lengths, hopwatch's Parquet."""
_COMPRESSED: Final = {".gz": "gzip", ".zst": "zstd"}
_REQUEST_SPANS: Final = 512
_ROW_GROUP: Final = 131_072
_FILE_SPANS: Final = 1_000_000
_PATIENCE_S: Final = 60.0


def write(path: Path, contents: pa.Table, received: Iterable[Received], progress: Progress) -> int:
    """Writes a file (by the end of its name, `FORMS`, the text forms also with .gz or .zst), or
    into a folder files of a million spans; gives the number of spans. A file is there when it is
    complete, or not at all.

    Raises UsageError for another name, InputError where nothing can be written.
    """
    try:
        if path.is_dir():
            return _write_folder(path, contents, received, progress)
        return _write_file(path, contents, received, progress)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _write_folder(
    folder: Path, contents: pa.Table, received: Iterable[Received], progress: Progress
) -> int:
    if any(folder.glob("spans-*.parquet")):
        raise UsageError(f"{folder}: holds spans of an earlier run; name another folder")
    written = 0
    for number, chunk in enumerate(_cut(received, _FILE_SPANS)):
        _write_file(folder / f"spans-{number:05}.parquet", contents, [chunk], lambda _: None)
        written += len(chunk)
        progress(written)
    return written


def _write_file(
    path: Path, contents: pa.Table, received: Iterable[Received], progress: Progress
) -> int:
    form, compression = form_of(path)
    written = 0
    if form == ".parquet":
        with (
            _whole(path) as partial,
            pq.ParquetWriter(partial, SCHEMA, compression="zstd") as parquet,
        ):
            for chunk in _cut(received, _ROW_GROUP):
                parquet.write_table(table_of(contents, chunk), row_group_size=_ROW_GROUP)
                written += len(chunk)
                progress(written)
        return written
    writer = SpanWriter(contents)
    with _whole(path) as partial, pa.output_stream(str(partial), compression=compression) as file:
        for chunk in _cut(received, _REQUEST_SPANS):
            if form in (".json", ".jsonl"):
                file.write(writer.json_request(written_spans(chunk)) + b"\n")
            else:
                message = writer.protobuf_request(written_spans(chunk))
                file.write(len(message).to_bytes(4, "big") + message)
            written += len(chunk)
            progress(written)
    return written


def form_of(path: Path) -> tuple[str, str | None]:
    """Form and compression of a file by its name. Raises UsageError for none of them."""
    ends = path.suffixes
    compression = _COMPRESSED.get(ends[-1]) if ends else None
    form = (ends[:-1] if compression else ends)[-1:]
    if not form or form[0] not in FORMS or (compression and form[0] == ".parquet"):
        raise UsageError(
            f"{path}: name a folder that exists, or a file that ends in {', '.join(FORMS)} (the "
            "first four also with .gz or .zst)"
        )
    return form[0], compression


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file to write that takes its name once it is complete."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _cut(received: Iterable[Received], size: int) -> Iterator[Received]:
    """The same spans in chunks of one size, the last one smaller."""
    rest: list[Received] = []
    waiting = 0
    for chunk in received:
        rest.append(chunk)
        waiting += len(chunk)
        if waiting < size:
            continue
        joined = np.concatenate(rest)
        whole = len(joined) // size * size
        for first in range(0, whole, size):
            yield joined[first : first + size]
        rest, waiting = [joined[whole:]], len(joined) - whole
    if waiting:
        yield np.concatenate(rest)


def written_spans(received: Received) -> Iterator[WrittenSpan]:
    """Received spans as the writer takes them."""
    parents = id_bytes(received["parent"])
    links, link_traces = id_bytes(received["link"]), trace_id_bytes(received["link_trace"])
    none = bytes(8)
    for content, trace, span, parent, start, duration, link, link_trace in zip(
        received["content"].tolist(),
        trace_id_bytes(received["trace"]),
        id_bytes(received["span"]),
        parents,
        received["start"].tolist(),
        received["duration"].tolist(),
        links,
        link_traces,
        strict=True,
    ):
        yield WrittenSpan(
            content,
            trace,
            span,
            b"" if parent == none else parent,
            start,
            start + duration,
            None if link == none else (link_trace, link),
        )


def send(url: str, contents: pa.Table, received: Iterable[Received], progress: Progress) -> int:
    """Sends OTLP/HTTP (protobuf, gzip) to `url`, one request at a time; gives the number of spans.
    A receiver that says that it is busy is asked again for a minute.

    Raises UsageError for an URL that is none, InputError where the receiver cannot be reached or
    refuses.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} is no URL of a receiver; write http://127.0.0.1:4319")
    path = parts.path.rstrip("/")
    path = path if path.endswith("/v1/traces") else f"{path}/v1/traces"
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=30)
    writer = SpanWriter(contents)
    sent = 0
    try:
        for chunk in _cut(received, _REQUEST_SPANS):
            body = gzip.compress(writer.protobuf_request(written_spans(chunk)), 1, mtime=0)
            _post(connection, path, body, url)
            sent += len(chunk)
            progress(sent)
    except (OSError, HTTPException) as error:
        raise InputError(f"{url}: after {sent:,} spans: {error}") from error
    finally:
        connection.close()
    return sent


def _post(connection: HTTPConnection, path: str, body: bytes, url: str) -> None:
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        answer = response.read(10_000)
        if response.status == 200:
            return
        if response.status not in (429, 502, 503, 504) or time.monotonic() > give_up:
            said = answer[:200].decode(errors="replace")
            raise InputError(f"{url}: the receiver answers {response.status}: {said}")
        time.sleep(min(float(response.headers.get("Retry-After", "1")), 5.0))
