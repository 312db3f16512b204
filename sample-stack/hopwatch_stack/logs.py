"""The services' logs: a file each in the state folder, whatever runs them."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .errors import UsageError

POLL_SECONDS = 0.2
END_BYTES = 65536


class Logs:
    """The methods of runtime.Runtime that are about logs, and what writes them."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "logs"

    def begin(self) -> None:
        """Forgets the logs of the last stack."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for log in self._folder.glob("*.log"):
            log.unlink()

    def append(self, service: str) -> IO[bytes]:
        return self._path(service).open("ab")

    def log_names(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.log"))

    def log_end(self, service: str, lines: int) -> str:
        with self._open(service) as log:
            start = max(0, log.seek(0, os.SEEK_END) - END_BYTES)
            log.seek(start)
            found = log.read().decode(errors="replace").splitlines()
        # The first was cut somewhere; alone, it is still better than nothing.
        whole = found[1:] if start and len(found) > 1 else found
        return "\n".join(whole[-lines:])

    def follow_log(self, service: str) -> Iterator[str]:
        with self._open(service) as log:
            log.seek(0, os.SEEK_END)
            while True:
                if line := log.readline():
                    yield line.decode(errors="replace").rstrip("\n")
                else:
                    time.sleep(POLL_SECONDS)

    def _open(self, service: str) -> IO[bytes]:
        try:
            return self._path(service).open("rb")
        except FileNotFoundError:
            names = ", ".join(self.log_names()) or "none yet"
            raise UsageError(f"no log of {service}; there are: {names}.") from None

    def _path(self, service: str) -> Path:
        return self._folder / f"{service}.log"
