"""Files of any known format, told apart by their content, never by their names.

To add a format, add a module with `NAME`, `recognises(data)` and `decode_file(data, source)`,
and name it in FORMATS, the more particular ones first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

from hopwatch.errors import InputError
from hopwatch.formats import otlp_json, otlp_protobuf, parquet
from hopwatch.formats.compression import decompress, sniff
from hopwatch.formats.decoded import Contents, Decoded
from hopwatch.signals import SPANS

MAX_FILE_BYTES: Final = 4 << 30
"""What one file may hold once decompressed."""


class Format(Protocol):
    """What a module of this package has that reads files."""

    NAME: str

    def recognises(self, data: bytes) -> bool: ...

    def decode_file(self, data: bytes, source: str) -> Contents: ...


FORMATS: Final[tuple[Format, ...]] = (parquet, otlp_json, otlp_protobuf)


def read_files(paths: Iterable[str | os.PathLike[str]]) -> Decoded:
    """All spans of files and folders, and what was left out: spans, lines, whole files. See
    `read_contents`."""
    contents = read_contents(paths)
    spans = contents.of(SPANS)
    spans.rejected.update(contents.unreadable)
    return spans


def read_contents(paths: Iterable[str | os.PathLike[str]]) -> Contents:
    """All that files and folders (searched in depth, hidden ones skipped) hold.

    Raises InputError for a path that is not there, and for a file of no known format. Inside
    a folder such a file is counted as left out, unless nothing in the folder can be read.
    """
    contents = Contents()
    for path in map(Path, paths):
        contents.update(_read_folder(path) if path.is_dir() else _read_file(path))
    return contents


def _read_folder(folder: Path) -> Contents:
    contents = Contents()
    readable = False
    for path in _files_in(folder):
        try:
            contents.update(_read_file(path))
            readable = True
        except InputError as error:
            detail = str(error).removeprefix(f"{path}: ")
            contents.unreadable.add("unreadable_file", str(path), detail)
    if not readable:
        why = contents.unreadable.summary() or "there is no file in it"
        raise InputError(f"{folder}: no traces can be read from this folder: {why}")
    return contents


def _files_in(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            # A pipe or a device may never end.
            if not name.startswith(".") and path.is_file():
                yield path


def _read_file(path: Path) -> Contents:
    source = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror}") from error
    data = decompress(raw, sniff(raw), MAX_FILE_BYTES, source)
    if not data.strip():
        raise InputError(f"{source}: is empty; {_accepted()}")
    for candidate in FORMATS:
        if candidate.recognises(data):
            return candidate.decode_file(data, source)
    raise InputError(
        f"{source}: holds no telemetry: it looks like {_describe(data)}; {_accepted()}"
    )


def _accepted() -> str:
    names = ", ".join(format_.NAME for format_ in FORMATS)
    return f"accepted are {names}, each plain or as gzip or zstd"


def _describe(data: bytes) -> str:
    """What unknown data looks like, in words."""
    start = data.lstrip()[:60]
    try:
        shown = start.decode()
    except UnicodeDecodeError:
        return f"binary data that begins {data[:8].hex(' ')}"
    if not shown.isprintable():
        shown = " ".join(shown.split())
    return f"{'JSON' if shown[:1] in ('{', '[') else 'text'} that begins {shown!r}"
