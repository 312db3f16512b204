"""Bytes and files of any known format, told apart by their content, never by their names.

A format of bytes is a module with `NAME`, `recognises(data)` and `decode_file(data, source)`; it
is named in FORMATS, the more particular ones first. Formats in JSON are told apart document by
document, in `json_file`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

from hopwatch.errors import InputError
from hopwatch.formats import frames, json_file, otlp_protobuf, parquet
from hopwatch.formats.compression import decompress_rest, sniff
from hopwatch.formats.decoded import Contents, Decoded, Rejections
from hopwatch.formats.describe import describe
from hopwatch.signals import SPANS

MAX_FILE_BYTES: Final = 4 << 30
"""What one file may hold once decompressed."""

Progress = Callable[[int, int, Path], None]
"""Called before each file with how many have been read, how many there are, and its path."""


class Format(Protocol):
    """What a module of this package has that reads files."""

    NAME: str

    def recognises(self, data: bytes) -> bool: ...

    def decode_file(self, data: bytes, source: str) -> Contents: ...


FORMATS: Final[tuple[Format, ...]] = (parquet, json_file, otlp_protobuf)


def decode(data: bytes, source: str) -> Contents:
    """All that `data` holds: a file's bytes, or the body of an answer. `source` names it in
    messages.

    Compressed data that is cut off or broken is read as far as it goes, and counted. Raises
    InputError for data of no known format.
    """
    plain, problem = decompress_rest(data, sniff(data), MAX_FILE_BYTES, source)
    left_out = Rejections()
    if problem:
        left_out.add("cut_off_file", source, problem)
    plain = frames.unpacked(plain, MAX_FILE_BYTES, source, left_out)
    if not plain.strip():
        examples = left_out.examples
        why = f"nothing can be read: {examples[0].detail}" if examples else "is empty"
        raise InputError(f"{source}: {why}; {_accepted()}")
    for candidate in FORMATS:
        if candidate.recognises(plain):
            contents = candidate.decode_file(plain, source)
            contents.unreadable.update(left_out)
            if contents.unreadable.total and not contents.parts:
                raise InputError(
                    f"{source}: holds no telemetry: {contents.unreadable.summary()}; {_accepted()}"
                )
            return contents
    raise InputError(
        f"{source}: holds no telemetry: it looks like {describe(plain)}; {_accepted()}"
    )


def read_files(paths: Iterable[str | os.PathLike[str]]) -> Decoded:
    """All spans of files and folders, and what was left out: spans, lines, whole files. See
    `read_contents`."""
    contents = read_contents(paths)
    spans = contents.of(SPANS)
    spans.rejected.update(contents.unreadable)
    return spans


def read_contents(
    paths: Iterable[str | os.PathLike[str]], progress: Progress | None = None
) -> Contents:
    """All that files and folders (searched in depth, hidden ones skipped) hold.

    Raises InputError for a path that is not there, and for a file of no known format. Inside
    a folder such a file is counted as left out, unless nothing in the folder can be read.
    """
    contents = Contents()
    for path in map(Path, paths):
        contents.update(_read_folder(path, progress) if path.is_dir() else _read_file(path))
    return contents


def _read_folder(folder: Path, progress: Progress | None) -> Contents:
    contents = Contents()
    readable = False
    files = list(files_in(folder))
    for number, path in enumerate(files):
        if progress is not None:
            progress(number, len(files), path)
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


def files_in(folder: Path) -> Iterator[Path]:
    """The files of a folder in depth, by name, without hidden ones; then the folders in it that
    cannot be listed, which who reads them finds out and says."""
    unlisted: list[str] = []
    for place, folders, names in os.walk(folder, onerror=lambda e: unlisted.append(e.filename)):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            # A pipe or a device may never end.
            if not name.startswith(".") and path.is_file():
                yield path
    yield from map(Path, unlisted)


def _read_file(path: Path) -> Contents:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return decode(data, str(path))


def _accepted() -> str:
    names = ", ".join(format_.NAME for format_ in FORMATS)
    return f"accepted are {names}, each plain or as gzip or zstd"
