"""The write-ahead log: what has been answered with 200 stands here, synced, before the answer.

A log is a folder of files named by the first batch id in them. A file is a row of frames:

    marker 4 | payload length 4 | batch id 8 | kind 1 | CRC-32C 4 | payload

little-endian, the checksum over everything else in the frame. Batch ids rise by one. `kind`
belongs to the caller. The marker lets reading go on behind a damaged frame.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import google_crc32c

from hopwatch.errors import HopwatchError
from hopwatch.store import durable

ROTATE_BYTES: Final = 64 << 20

_MARKER: Final = b"HWf\x01"
_HEADER: Final = struct.Struct("<4sIQB")
_CHECKSUM: Final = struct.Struct("<I")
_PREFIX: Final = _HEADER.size + _CHECKSUM.size


class UnavailableError(HopwatchError):
    """A batch cannot be taken now (a full disk, a full memory); nothing of it is kept. The
    same batch can be sent again."""


class LogFailedError(UnavailableError):
    """The log cannot be trusted any more. A failed sync is never retried as if it had worked:
    the kernel may have dropped the pages. Only a restart, which reads what is there, helps."""


class Frame(NamedTuple):
    batch: int
    kind: int
    payload: bytes

    @property
    def digest(self) -> bytes:
        """See `digest`."""
        return digest(self.kind, self.payload)


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a log file that hold no readable frame. `torn`: the unfinished end of the log,
    which no answer had promised to keep."""

    path: Path
    offset: int
    data: bytes
    torn: bool

    def __str__(self) -> str:
        what = "an unfinished last frame" if self.torn else "damaged"
        return f"{self.path}: {len(self.data)} bytes at {self.offset} are {what}"


def digest(kind: int, payload: bytes) -> bytes:
    """By which a batch is known again when it is sent a second time."""
    return hashlib.blake2b(payload, digest_size=16, key=bytes([kind])).digest()


def _frame(batch: int, kind: int, payload: bytes) -> bytes:
    header = _HEADER.pack(_MARKER, len(payload), batch, kind)
    return header + _CHECKSUM.pack(_checksum(header, payload)) + payload


def _checksum(header: bytes, payload: bytes) -> int:
    return int(google_crc32c.extend(google_crc32c.value(header), payload))


class LogWriter:
    """Appends batches. One thread at a time."""

    def __init__(self, directory: Path, next_batch: int) -> None:
        self._directory = directory
        self._next_batch = next_batch
        self._descriptor: int | None = None
        self._size = 0
        self._failed = False

    def append(self, bodies: Sequence[tuple[int, bytes]]) -> int:
        """Write (kind, payload) bodies as batches with consecutive ids; return the first id.

        They are on the disk when this returns. Raises UnavailableError, and then none of
        them is.
        """
        if self._failed:
            raise LogFailedError("the write-ahead log has failed; restart hopwatch serve")
        first = self._next_batch
        data = b"".join(
            _frame(first + position, kind, payload)
            for position, (kind, payload) in enumerate(bodies)
        )
        descriptor = self._file()
        self._write(descriptor, data)
        self._sync(os.fdatasync, descriptor)
        self._size += len(data)
        self._next_batch += len(bodies)
        return first

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _file(self) -> int:
        if self._descriptor is not None and self._size >= ROTATE_BYTES:
            self.close()
        if self._descriptor is None:
            path = self._directory / f"{self._next_batch:016x}.log"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            try:
                self._descriptor = os.open(path, flags, 0o644)
            except OSError as error:
                raise UnavailableError(f"{path}: cannot be made: {error.strerror}") from error
            self._size = 0
            self._sync(durable.sync_directory, self._directory)
        return self._descriptor

    def _sync(self, sync: Callable[[Any], None], target: int | Path) -> None:
        try:
            sync(target)
        except OSError as error:
            self._failed = True
            raise LogFailedError(f"syncing the write-ahead log failed: {error}") from error

    def _write(self, descriptor: int, data: bytes) -> None:
        """All of `data` at the end of the file, or none of it."""
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(descriptor, memoryview(data)[written:], self._size + written)
        except OSError as error:
            try:
                os.ftruncate(descriptor, self._size)
            except OSError as second:
                self._failed = True
                raise LogFailedError(
                    f"cutting off an unfinished write failed: {second}"
                ) from second
            raise UnavailableError(f"writing the log failed: {error.strerror}") from error


def files(directory: Path) -> list[Path]:
    """The log's files, oldest first."""
    return sorted(directory.glob("*.log"))


def drop_all(directory: Path) -> None:
    """Delete all files of a log that is not in use and whose batches are in segments."""
    for path in files(directory):
        path.unlink()


def drop_until(directory: Path, batch: int) -> None:
    """Delete the files that hold nothing behind `batch`; not the newest, which is in use."""
    found = files(directory)
    for path, following in pairwise(found):
        if int(following.stem, 16) <= batch + 1:
            path.unlink()


def read(path: Path, *, newest: bool) -> Iterator[Frame | Damage]:
    """The frames of a log file in order, and the damaged stretches between them.

    `newest` says that it is the log's last file, whose end may be torn.
    """
    data = path.read_bytes()
    position = last_batch = 0
    while position < len(data):
        frame = _frame_at(data, position)
        if frame is not None:
            yield frame
            last_batch = frame.batch
            position += _PREFIX + len(frame.payload)
            continue
        following = _next_frame(data, position + 1, last_batch)
        torn = newest and following == len(data)
        yield Damage(path, position, data[position:following], torn)
        position = following


def _frame_at(data: bytes, position: int) -> Frame | None:
    if len(data) - position < _PREFIX or not data.startswith(_MARKER, position):
        return None
    _, length, batch, kind = _HEADER.unpack_from(data, position)
    (checksum,) = _CHECKSUM.unpack_from(data, position + _HEADER.size)
    payload = data[position + _PREFIX : position + _PREFIX + length]
    header = data[position : position + _HEADER.size]
    if len(payload) != length or _checksum(header, payload) != checksum:
        return None
    return Frame(batch, kind, payload)


def _next_frame(data: bytes, position: int, after_batch: int) -> int:
    """Where the next readable frame with a later batch id starts; the end if none does."""
    while (position := data.find(_MARKER, position)) >= 0:
        frame = _frame_at(data, position)
        if frame is not None and frame.batch > after_batch:
            return position
        position += 1
    return len(data)
