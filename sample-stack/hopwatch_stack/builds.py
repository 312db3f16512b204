"""What is built and how: the steps from an empty checkout to services that can start."""

import re
import shutil
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import IO

from rich.console import Console

from . import implementations, progress, recipes, toolchains
from .commands import run
from .errors import StackError
from .paths import (
    BFF,
    BINARIES,
    BUILD,
    COLLECTOR,
    DATABASE,
    KERNELS,
    ORDERS_GO,
    SAMPLE_STACK,
    SHARED,
    WEB,
)
from .steps import Step, run_steps

COLLECTOR_BINARY = BINARIES / "otelcol-hopwatch"
PAYMENTS_BINARY = BINARIES / "payments"
MIGRATE_BINARY = BINARIES / "shop-migrate"
BFF_MAIN = BFF / "dist" / "main.js"
WEB_ROOT = WEB / "dist" / "browser"


def build(
    console: Console,
    orders: Iterable[str] = implementations.NAMES,
    also: Iterable[Step] = (),
) -> None:
    """Fetches missing toolchains and builds all that has changed, with these implementations of
    orders as far as they can be had here: says which cannot, and goes on. Raises StackError."""
    wanted = list(also)
    for implementation in map(implementations.ORDERS.__getitem__, orders):
        if reason := implementation.missing():
            console.print(f"No orders in {implementation.language}: {reason}.", markup=False)
        else:
            wanted += implementation.steps
    with progress.steps(console) as show:
        run_steps(_steps(wanted), show)


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


def _steps(orders: Iterable[Step]) -> list[Step]:
    return [
        _toolchain("go"),
        _toolchain("node"),
        _toolchain("postgres"),
        _toolchain("chromium", needs=["node toolchain"]),
        *orders,
        recipes.go("payments", ORDERS_GO, PAYMENTS_BINARY),
        recipes.go("shop-migrate", DATABASE, MIGRATE_BINARY),
        Step(
            name="collector",
            needs=["go toolchain"],
            sources=[COLLECTOR],
            words=lambda: [toolchains.version("go")],
            makes=[COLLECTOR_BINARY],
            action=_build_collector,
        ),
        Step(
            name=recipes.NODE_MODULES,
            needs=["node toolchain"],
            sources=recipes.manifests(),
            words=lambda: [toolchains.version("node")],
            makes=[SAMPLE_STACK / "node_modules" / ".package-lock.json"],
            action=lambda log: recipes.npm(log, "ci"),
        ),
        Step(
            name="kernels",
            sources=[KERNELS],
            words=lambda: [sys.version, version("numba")],
            makes=[KERNELS / "__pycache__"],
            action=lambda log: run([sys.executable, "-m", "hopwatch.attribution.columnar"], log),
        ),
        recipes.workspace("shared", SHARED, needs=[recipes.NODE_MODULES], makes=SHARED / "dist"),
        recipes.workspace("bff", BFF, needs=["shared"], makes=BFF_MAIN),
        recipes.workspace("web", WEB, needs=["shared"], makes=WEB_ROOT / "index.html"),
    ]


def _toolchain(name: str, needs: Iterable[str] = ()) -> Step:
    return Step(
        name=f"{name} toolchain",
        needs=list(needs),
        action=lambda log: toolchains.ensure(name, log),
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
    recipes.go_build(log, folder, ".", COLLECTOR_BINARY)


def _generate_collector(log: IO[str], *options: str) -> Path:
    """Runs the Collector Builder; returns the folder with the generated sources."""
    builder = BINARIES / "collector-builder"
    recipes.go_build(log, COLLECTOR / "tools", "go.opentelemetry.io/collector/cmd/builder", builder)
    folder = BUILD / "collector"
    folder.mkdir(parents=True, exist_ok=True)
    run(
        [builder, "--config", COLLECTOR / "builder.yaml", *options],
        log,
        cwd=folder,
        env=toolchains.environment("go"),
    )
    return folder
