"""File operations that survive a power cut, and the lock that keeps a second writer out."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from hopwatch.errors import InputError

LOCK_FILE: Final = "LOCK"


def sync_directory(directory: Path) -> None:
    """Make names created, renamed or removed in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make what has been written to `path` durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, data: bytes) -> None:
    """Give `path` new content at once: after a crash it holds the old or the new, whole."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(data)
    sync_file(temporary)
    temporary.replace(path)
    sync_directory(path.parent)


def lock(directory: Path) -> int:
    """Take the writer's lock of a store; it is free again when the descriptor is closed or
    the process ends. Raises InputError if another process holds it."""
    descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise InputError(
            f"{directory}: another hopwatch (process {holder}) writes to this store; if it is"
            " `hopwatch serve`, `hopwatch import --send http://127.0.0.1:4319` goes through it;"
            " else stop it or choose another --store"
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor
