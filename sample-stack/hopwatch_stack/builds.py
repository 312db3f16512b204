"""What is built and how: the steps from an empty checkout to services that can start."""

import fcntl
import re
import shutil
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import IO

from rich.console import Console

from . import progress, toolchains
from .commands import run
from .errors import StackError
from .paths import BFF, BUILD, COLLECTOR, DATABASE, KERNELS, ORDERS, SAMPLE_STACK, SHARED, WEB
from .steps import Step, run_steps

BINARIES = BUILD / "bin"
COLLECTOR_BINARY = BINARIES / "otelcol-hopwatch"
ORDERS_BINARY = BINARIES / "orders"
MIGRATE_BINARY = BINARIES / "shop-migrate"
BFF_MAIN = BFF / "dist" / "main.js"
WEB_ROOT = WEB / "dist" / "browser"

NODE_MODULES = SAMPLE_STACK / "node_modules"
MANIFESTS = [
    SAMPLE_STACK / "package-lock.json",
    SAMPLE_STACK / ".npmrc",
    *(folder / "package.json" for folder in (SAMPLE_STACK, SHARED, BFF, WEB)),
]


def build(console: Console) -> None:
    """Fetches missing toolchains and builds all that has changed. Raises StackError.

    Two builds of one checkout take turns.
    """
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with progress.steps(console) as show:
            run_steps(_steps(), show)


def collector_lock_disagreements() -> list[str]:
    """Components of collector/builder.yaml that collector/go.mod has not, or of other versions."""
    wanted = re.findall(r"gomod: (\S+ v\S+)", (COLLECTOR / "builder.yaml").read_text())
    locked = (COLLECTOR / "go.mod").read_text()
    return [module for module in wanted if f"\t{module}\n" not in locked]


def lock_collector(log: IO[str]) -> None:
    """Resolves collector/builder.yaml into collector/go.mod and go.sum. Needs the network."""
    folder = _generate_collector(log, "--skip-compilation")
    for name in ("go.mod", "go.sum"):
        shutil.copy(folder / name, COLLECTOR / name)


def _steps() -> list[Step]:
    return [
        _toolchain("go"),
        _toolchain("node"),
        _toolchain("postgres"),
        _toolchain("chromium", needs=["node toolchain"]),
        _go("orders", ORDERS, ORDERS_BINARY),
        _go("shop-migrate", DATABASE, MIGRATE_BINARY),
        Step(
            name="collector",
            needs=["go toolchain"],
            sources=[COLLECTOR],
            words=lambda: [toolchains.version("go")],
            makes=[COLLECTOR_BINARY],
            action=_build_collector,
        ),
        Step(
            name="node modules",
            needs=["node toolchain"],
            sources=MANIFESTS,
            words=lambda: [toolchains.version("node")],
            makes=[NODE_MODULES / ".package-lock.json"],
            action=lambda log: _npm(log, "ci"),
        ),
        Step(
            name="kernels",
            sources=[KERNELS],
            words=lambda: [sys.version, version("numba")],
            makes=[KERNELS / "__pycache__"],
            action=lambda log: run([sys.executable, "-m", "hopwatch.attribution.columnar"], log),
        ),
        _workspace("shared", SHARED, needs=["node modules"], makes=SHARED / "dist"),
        _workspace("bff", BFF, needs=["shared"], makes=BFF_MAIN),
        _workspace("web", WEB, needs=["shared"], makes=WEB_ROOT / "index.html"),
    ]


def _toolchain(name: str, needs: Iterable[str] = ()) -> Step:
    return Step(
        name=f"{name} toolchain",
        needs=list(needs),
        action=lambda log: toolchains.ensure(name, log),
    )


def _go(name: str, module: Path, binary: Path) -> Step:
    return Step(
        name=name,
        needs=["go toolchain"],
        sources=[module],
        words=lambda: [toolchains.version("go")],
        makes=[binary],
        action=lambda log: _go_build(log, module, f"./cmd/{name}", binary),
    )


def _workspace(name: str, folder: Path, needs: Iterable[str], makes: Path) -> Step:
    return Step(
        name=name,
        needs=list(needs),
        # The types in shared/ are compiled into both the others.
        sources=[folder, SHARED, *MANIFESTS],
        words=lambda: [toolchains.version("node")],
        makes=[makes],
        action=lambda log: _npm(log, "run", "build", "--workspace", name),
    )


def _npm(log: IO[str], *words: str) -> None:
    run([toolchains.find("npm"), *words], log, cwd=SAMPLE_STACK, env=toolchains.environment("node"))


def _go_build(log: IO[str], module: Path, package: str, binary: Path) -> None:
    run(
        [toolchains.find("go"), "build", "-trimpath", "-ldflags=-s -w", "-o", binary, package],
        log,
        cwd=module,
        env=toolchains.environment("go"),
    )


def _build_collector(log: IO[str]) -> None:
    if missing := collector_lock_disagreements():
        raise StackError(
            f"collector/builder.yaml names {', '.join(missing)}, which collector/go.mod does "
            "not hold: run `make lock`"
        )
    folder = _generate_collector(log, "--skip-compilation", "--skip-get-modules")
    for name in ("go.mod", "go.sum"):
        shutil.copy(COLLECTOR / name, folder / name)
    _go_build(log, folder, ".", COLLECTOR_BINARY)


def _generate_collector(log: IO[str], *options: str) -> Path:
    """Runs the Collector Builder; returns the folder with the generated sources."""
    builder = BINARIES / "collector-builder"
    _go_build(log, COLLECTOR / "tools", "go.opentelemetry.io/collector/cmd/builder", builder)
    folder = BUILD / "collector"
    folder.mkdir(parents=True, exist_ok=True)
    run(
        [builder, "--config", COLLECTOR / "builder.yaml", *options],
        log,
        cwd=folder,
        env=toolchains.environment("go"),
    )
    return folder
