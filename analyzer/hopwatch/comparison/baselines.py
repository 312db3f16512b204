"""Saved ledgers, to compare with later, when the spans are gone or elsewhere.

A *baseline* is one file, NAME.hopwatch, an uncompressed ZIP archive:

    baseline.json      hopwatch.baseline/1: source, when it was saved, how many requests, quality
    cells.parquet      the ledger's two long tables, as they are (`attribution.ledger`)
    requests.parquet

It can be carried around. Those of a store lie in its folder `baselines`.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

from hopwatch.attribution import Ledger
from hopwatch.attribution.ledger import CELLS_SCHEMA, REQUESTS_SCHEMA
from hopwatch.errors import ConservationError, InputError, UsageError

SCHEMA: Final = "hopwatch.baseline/1"
SUFFIX: Final = ".hopwatch"
_FOLDER: Final = "baselines"
_ABOUT: Final = "baseline.json"
_TABLES: Final = {"cells.parquet": CELLS_SCHEMA, "requests.parquet": REQUESTS_SCHEMA}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_HEAD: Final = 30
"""Bytes of a ZIP archive before its first file's name."""
_OLDEST: Final = (1980, 1, 1, 0, 0, 0)
"""What ZIP says of a file without a time: the same ledger makes the same bytes."""


@dataclass(frozen=True, slots=True)
class About:
    """What a baseline says of itself. `source`: where its spans were from, in words."""

    source: str
    saved_unix_nano: int
    requests: int
    quality: dict[str, int]


def place(store: Path, name: str) -> Path:
    """The file of a store's baseline. Raises UsageError for what is no name."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a baseline: take letters, digits and ._+-, up to 100"
        )
    return store / _FOLDER / f"{name}{SUFFIX}"


def names(store: Path) -> list[str]:
    """The baselines of a store, ascending."""
    found = (store / _FOLDER).glob(f"*{SUFFIX}")
    return sorted(file.name.removesuffix(SUFFIX) for file in found)


def save(path: Path, ledger: Ledger, source: str, now_ns: int) -> None:
    """Writes a ledger to a file that is there once it is whole. Raises UsageError for a ledger
    without requests, InputError where the file cannot be written."""
    if not ledger.request_count:
        raise UsageError("no requests here: there is nothing to save; widen the window or filter")
    about = {
        "schema": SCHEMA,
        "source": source,
        "saved_unix_nano": now_ns,
        "requests": ledger.request_count,
        "quality": ledger.quality,
    }
    contents = {_ABOUT: json.dumps(about, indent=1).encode()}
    for file, table in zip(_TABLES, (ledger.cells, ledger.requests), strict=True):
        sink = pa.BufferOutputStream()
        parquet.write_table(table, sink, compression="zstd")
        contents[file] = sink.getvalue().to_pybytes()
    if path.exists() and not path.is_file():
        # To replace a folder fails, to replace a device such as /dev/null must not succeed.
        raise InputError(f"{path}: cannot be written: this is no file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for file, content in contents.items():
                archive.writestr(zipfile.ZipInfo(file, _OLDEST), content)
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove(store: Path, name: str) -> None:
    """Removes a store's baseline. Raises UsageError where there is none of this name."""
    try:
        place(store, name).unlink()
    except FileNotFoundError:
        raise UsageError(unknown(store, name)) from None
    except OSError as error:
        raise InputError(f"baseline {name}: cannot be removed: {error.strerror}") from error


def unknown(store: Path, name: str) -> str:
    """What to say where a store has no baseline of this name."""
    known = names(store)
    there = f"there are: {', '.join(known)}" if known else "there is none yet"
    return f"no baseline {name!r} in {store}; {there}; `hopwatch baseline save` makes one"


def is_baseline(path: str | os.PathLike[str]) -> bool:
    """Whether this file is a baseline, or was one before it was cut, by its content."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD + len(_ABOUT))
        if head.startswith(b"PK") and head[_HEAD:] == _ABOUT.encode():
            return True
        with zipfile.ZipFile(path) as archive:
            return _ABOUT in archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        return False


def about(path: Path) -> About:
    """What a baseline says of itself. Raises InputError for what is none."""
    with _opened(path) as archive:
        return _about(archive.read(_member(archive, _ABOUT)))


def load(path: str | os.PathLike[str]) -> tuple[Ledger, About]:
    """The ledger of a baseline. Raises InputError for what is none, or is damaged."""
    with _opened(path) as archive:
        said = _about(archive.read(_member(archive, _ABOUT)))
        cells, requests = (
            _table(archive.read(_member(archive, file)), file, schema)
            for file, schema in _TABLES.items()
        )
        ledger = Ledger(cells, requests, dict(sorted(said.quality.items())))
        ledger.check()
    return ledger, said


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """A baseline's archive; what is wrong with it is an InputError that names the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, ConservationError) as error:
        raise InputError(f"{path}: this is no sound baseline: {error}") from error


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """A file of the archive. Compressed ones are refused: few bytes would become very many."""
    found = archive.getinfo(name)
    if found.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed, which hopwatch does not write")
    return found


def _about(content: bytes) -> About:
    document: Any = json.loads(content)
    said = document.get("schema") if isinstance(document, dict) else None
    if isinstance(said, str) and said != SCHEMA and said.startswith(SCHEMA.rpartition("/")[0]):
        raise ValueError(f"it is {said}, which another hopwatch has written; this reads {SCHEMA}")
    if said != SCHEMA:
        raise ValueError(f"it does not say that it is {SCHEMA}")
    quality = document["quality"]
    counts = [document["saved_unix_nano"], document["requests"], *quality.values()]
    if not isinstance(document["source"], str) or not all(type(n) is int for n in counts):
        raise ValueError(f"{_ABOUT} has a value of another type")
    return About(document["source"], counts[0], counts[1], quality)


def _table(content: bytes, name: str, schema: pa.Schema) -> pa.Table:
    # Through memory: a file that is read lazily could change meanwhile.
    table = parquet.read_table(io.BytesIO(content), partitioning=None)
    if not table.schema.equals(schema):
        raise ValueError(
            f"{name} does not have the columns of a ledger of this version; save it anew"
        )
    if any(column.null_count for column in table.columns):
        raise ValueError(f"{name} has rows without values")
    return table


def described(name: str, said: About) -> str:
    """A baseline in words, for the head of a report."""
    return f"baseline {name} of {said.source}"


def all_of(store: Path) -> Iterator[tuple[str, About | InputError]]:
    """A store's baselines with what they say of themselves, or what is wrong with them."""
    for name in names(store):
        try:
            yield name, about(store / _FOLDER / f"{name}{SUFFIX}")
        except InputError as error:
            yield name, error
