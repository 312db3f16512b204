"""What a store's writer was sent and did not store, counted by signal, outcome and reason.

One small JSON file beside the manifest, replaced atomically, at most once a second: a crash
loses the counts of that second, never the file.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from hopwatch.errors import InputError
from hopwatch.store import durable
from hopwatch.store.inventory import LeftOut

FILE: Final = "left-out.json"

_MAX_ENTRIES: Final = 500
_MAX_EXAMPLE: Final = 500


class Tally:
    """Counts that threads share. Raises InputError if the file of an earlier run is damaged."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._entries = {_key(entry): entry for entry in load(store)}
        self._changed = False

    def add(self, signal: str, outcome: str, reason: str, count: int, example: str = "") -> None:
        """Count `count` more. The newest example is kept."""
        if not count:
            return
        now_ns = time.time_ns()
        entry = LeftOut(signal, outcome, reason, count, now_ns, now_ns, example[:_MAX_EXAMPLE])
        with self._lock:
            known = self._entries.get(_key(entry))
            if known is None and len(self._entries) >= _MAX_ENTRIES:
                entry = replace(entry, reason="other")
                known = self._entries.get(_key(entry))
            if known is not None:
                entry = replace(
                    entry,
                    count=known.count + count,
                    first_ns=known.first_ns,
                    example=entry.example or known.example,
                )
            self._entries[_key(entry)] = entry
            self._changed = True

    def save(self) -> None:
        """Write the file if anything was counted since the last time. Raises OSError."""
        with self._lock:
            if not self._changed:
                return
            entries = list(self._entries.values())
            self._changed = False
        try:
            data = json.dumps([asdict(entry) for entry in entries], indent=1)
            durable.replace(self._store / FILE, data.encode())
        except OSError:
            with self._lock:
                self._changed = True
            raise


def load(store: Path) -> tuple[LeftOut, ...]:
    """What the store at `store` has counted. Raises InputError if the file cannot be read."""
    path = store / FILE
    try:
        return tuple(LeftOut(**entry) for entry in json.loads(path.read_bytes()))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: the counts of what was not stored cannot be read: {error}"
        ) from error


def set_aside(store: Path) -> None:
    """Rename a file that cannot be read."""
    path = store / FILE
    path.replace(path.with_suffix(".damaged"))


def _key(entry: LeftOut) -> tuple[str, str, str]:
    return entry.signal, entry.outcome, entry.reason
