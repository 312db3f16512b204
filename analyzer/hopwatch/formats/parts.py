"""Files that are larger than memory, part by part, as far as their formats allow: JSON lines,
protobuf, messages with their lengths before them, Parquet by row groups. Others are read whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa

from hopwatch.errors import InputError
from hopwatch.formats import parquet, zipkin
from hopwatch.formats.compression import sniff
from hopwatch.formats.decoded import Contents
from hopwatch.formats.detect import decode, files_in
from hopwatch.formats.frames import prefixed
from hopwatch.formats.otlp_protobuf_outline import messages

_PART: Final = 16 << 20
"""Bytes, uncompressed."""
_NO_FILE: Final = "no such file or folder"


def files_of(paths: Iterable[str]) -> list[Path]:
    """The files that paths name, those of folders in depth. Raises InputError for a path that is
    not there, and for a folder without any."""
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path}: {_NO_FILE}")
        files = list(files_in(path)) if path.is_dir() else [path]
        if not files:
            raise InputError(f"{path}: there is no file in this folder")
        found += files
    return found


def read_parts(path: Path) -> Iterator[Contents]:
    """What a file holds. Raises InputError for a file that cannot be read or is of no known
    format."""
    try:
        with path.open("rb") as file:
            beginning = file.read(8)
        if parquet.recognises(beginning):
            yield from parquet.decode_parts(path)
            return
        # Opened here, for a name need be no text that Arrow takes.
        with path.open("rb") as file, pa.input_stream(file, _compression(beginning)) as stream:
            data = _read(stream, _PART)
            if len(data) == _PART and (whole := _border(data)):
                yield from _cut(path, stream, data, whole)
                return
        yield decode(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def _compression(beginning: bytes) -> str | None:
    coding = sniff(beginning)
    return None if coding == "identity" else coding


def _read(stream: pa.NativeFile, size: int) -> bytes:
    """So many bytes, or what comes before the end or a break; `decode` says what is broken."""
    chunks: list[bytes] = []
    missing = size
    try:
        while missing and (chunk := stream.read(min(missing, 1 << 20))):
            chunks.append(chunk)
            missing -= len(chunk)
    except OSError:
        return b"".join(chunks)
    return b"".join(chunks)


def _border(data: bytes) -> Callable[[bytes], int] | None:
    """What tells where the last whole document ends in the beginning of a file; None: the file
    must be read whole."""
    if _is_line(data[: data.find(b"\n") + 1]):
        return lambda part: part.rfind(b"\n") + 1
    return _messages_end if _messages_end(data) else None


def _messages_end(data: bytes) -> int:
    """Where the last whole message ends; 0 if there is none."""
    packed = sniff(data[4:8]) != "identity" or data[4:5] == b"{"
    places = (prefixed(data) if packed else messages(data)).places
    return places[-1][1] if places else 0


def _is_line(line: bytes) -> bool:
    """Whether a file that begins with this line is lines of documents, each by itself. (What
    Zipkin reports in pieces belongs together wherever it stands.)"""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and not zipkin.recognises(value)


def _cut(
    path: Path, stream: pa.NativeFile, data: bytes, whole: Callable[[bytes], int]
) -> Iterator[Contents]:
    lines = 0
    unread: list[str] = []
    readable = False
    while data:
        end = whole(data)
        try:
            more = stream.read(_PART)
        except OSError as error:
            more = b""
            unread.append(f"broken data: {error}")
        if more and not end:
            data += more
            continue
        part = data[: end if more else len(data)]
        source = f"{path} (behind line {lines:,})" if lines else str(path)
        contents = _decoded(part, source)
        readable = readable or bool(contents.parts)
        if not more:
            for problem in unread:
                contents.unreadable.add("cut_off_file", str(path), problem)
        yield contents
        lines += part.count(b"\n")
        data = data[len(part) :] + more
    if not readable:
        raise InputError(f"{path}: holds no telemetry")


def _decoded(part: bytes, source: str) -> Contents:
    try:
        return decode(part, source)
    except InputError as error:
        contents = Contents()
        detail = str(error).removeprefix(f"{source}: ")
        contents.unreadable.add("unreadable_part", source, detail)
        return contents
