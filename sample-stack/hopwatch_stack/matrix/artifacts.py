"""What is deployed of each implementation, and what it needs beside: sizes of files, in MB."""

import os
import subprocess
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from .. import implementations, toolchains
from ..errors import StackError
from ..paths import ORDERS_NODE, ORDERS_PYTHON, SAMPLE_STACK
from . import code

MEGABYTE = 1e6
# Compiled anew where they are missing, or for tests only.
_NOT_DEPLOYED = {"__pycache__", "node_modules", "with-tests", "include", "share", "test", "tests"}


def facts_of(implementation: str) -> dict[str, float]:
    """The values of the rows that are counted once, by their names."""
    artifact, runtime = {"go": _go, "node": _node, "rust": _rust, "python": _python}[
        implementation
    ]()
    return {
        "artifact": artifact / MEGABYTE,
        "runtime": runtime / MEGABYTE,
        "code_lines": code.lines_of(implementation),
    }


def _go() -> tuple[int, int]:
    return implementations.GO_BINARY.stat().st_size, 0


def _rust() -> tuple[int, int]:
    return (implementations.RUST_TARGET / "release" / "orders").stat().st_size, 0


def _node() -> tuple[int, int]:
    """What tsc made of it and of what it shares, and the packages that npm says it needs."""
    done = subprocess.run(
        [
            toolchains.find("npm"), "ls", "--omit=dev", "--all", "--parseable",
            "--workspace", ORDERS_NODE.name,
        ],
        cwd=SAMPLE_STACK,
        env=toolchains.environment("node"),
        capture_output=True,
        text=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise StackError(f"npm cannot say what orders-node needs: {done.stderr.strip()[-500:]}")
    size = 0
    for line in done.stdout.splitlines():
        package = Path(line).resolve()
        if package == SAMPLE_STACK.resolve():
            continue
        is_ours = package.parent == SAMPLE_STACK.resolve()
        size += _size([package / "dist"] if is_ours else [package])
    return size, toolchains.find("node").stat().st_size


def _python() -> tuple[int, int]:
    """The package and its virtual environment; the interpreter with its standard library."""
    packages = implementations.PYTHON_HOME / "lib"
    interpreter = (implementations.PYTHON_HOME / "bin" / "python").resolve()
    library = Path(sysconfig.get_paths()["stdlib"])
    runtime = _size([library], also_not={"site-packages"}) + interpreter.stat().st_size
    return _size([ORDERS_PYTHON / "shop_orders", packages]), runtime


def _size(folders: Iterable[Path], also_not: Iterable[str] = ()) -> int:
    """Of the files that would be deployed; links are not followed."""
    left_out = _NOT_DEPLOYED.union(also_not)
    size = 0
    for folder in folders:
        for where, names, files in os.walk(folder):
            names[:] = [name for name in names if name not in left_out]
            size += sum((Path(where) / file).lstat().st_size for file in files)
    return size
