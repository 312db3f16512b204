"""Debian packages unpacked into a folder: fetched by apt, with a state of apt's own, so that the
system is neither changed nor asked what it has."""

import fcntl
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from ..commands import run
from ..errors import StackError
from ..paths import CACHE

APT = CACHE / "apt"
PROGRAMS = ("apt-get", "dpkg-deb")
FRESH_SECONDS = 3600


def require() -> None:
    """Raises StackError on a system without Debian's programs."""
    for program in PROGRAMS:
        if shutil.which(program) is None:
            raise StackError(f"{program} is missing: this works on Debian and its kin only")


def unpack(packages: Sequence[str], folder: Path, log: IO[str]) -> None:
    """Exactly these packages, unpacked but not configured."""
    _unpack(["download", *packages], folder, log)


def unpack_with_dependencies(packages: Sequence[str], folder: Path, log: IO[str]) -> None:
    """These packages and all that they need to run on an empty system."""
    # To apt nothing is installed, so that it resolves down to the C library.
    _unpack(["install", "--download-only", "--yes", *packages], folder, log)


def _unpack(command: Sequence[str], folder: Path, log: IO[str]) -> None:
    require()
    archives = folder.with_name(f"{folder.name}.debs")
    shutil.rmtree(archives, ignore_errors=True)
    (archives / "partial").mkdir(parents=True)
    APT.mkdir(parents=True, exist_ok=True)
    with (APT / "lock").open("w") as lock:
        # apt would not wait for another of its kind.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_fresh(APT / "lists"):
            _apt(["update"], archives, log)
        _apt(command, archives, log)
    folder.mkdir(parents=True, exist_ok=True)
    for archive in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "-x", archive, folder], log)
    shutil.rmtree(archives)


def _is_fresh(lists: Path) -> bool:
    # The archive forgets old versions of packages, which old lists would still ask for.
    return lists.is_dir() and time.time() - lists.stat().st_mtime < FRESH_SECONDS


def _apt(command: Sequence[str], archives: Path, log: IO[str]) -> None:
    options = {
        "Dir::State": APT,
        "Dir::State::Lists": APT / "lists",
        "Dir::State::Status": "/dev/null",
        "Dir::Cache": APT,
        "Dir::Cache::Archives": archives,
        "APT::Install-Recommends": "false",
        # Its user of less rights could not write into our folders.
        "APT::Sandbox::User": "root",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    run(
        ["apt-get", "-q", *words, *command],
        log,
        cwd=archives,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
    )
