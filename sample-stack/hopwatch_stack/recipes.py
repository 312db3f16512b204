"""How parts are built, by language: what the lists of steps are made of."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from . import toolchains
from .commands import run
from .paths import CACHE, SAMPLE_STACK, SHARED
from .steps import Step

NODE_MODULES = "node modules"


def manifests() -> list[Path]:
    """What says which packages the TypeScript workspaces have."""
    workspaces = sorted(SAMPLE_STACK.glob("*/package.json"))
    return [*(SAMPLE_STACK / name for name in ("package-lock.json", ".npmrc", "package.json")),
            *workspaces]  # fmt: skip


def go(name: str, module: Path, binary: Path) -> Step:
    """The command `cmd/<name>` of a Go module."""
    return Step(
        name=name,
        needs=["go toolchain"],
        sources=[module],
        words=lambda: [toolchains.version("go")],
        makes=[binary],
        action=lambda log: go_build(log, module, f"./cmd/{name}", binary),
    )


def workspace(name: str, folder: Path, needs: Iterable[str], makes: Path) -> Step:
    """A TypeScript workspace, by its own `build` script."""
    return Step(
        name=name,
        needs=list(needs),
        # What is in shared/ is compiled into all the others.
        sources=[folder, SHARED, *manifests()],
        words=lambda: [toolchains.version("node")],
        makes=[makes],
        action=lambda log: npm(log, "run", "build", "--workspace", name),
    )


def cargo(name: str, folder: Path, target: Path, binary: str) -> Step:
    """A binary of a Rust package."""
    return Step(
        name=name,
        sources=[folder],
        words=lambda: [toolchains.version("cargo")],
        makes=[target / "release" / binary],
        action=lambda log: run(
            [toolchains.find("cargo"), "build", "--release", "--locked", "--bin", binary],
            log,
            cwd=folder,
            env=os.environ | {"CARGO_TARGET_DIR": str(target)},
        ),
    )


def virtual_environment(name: str, folder: Path, home: Path) -> Step:
    """What a Python project needs, by its requirements.lock; the project is run from its folder."""

    def make(log: IO[str]) -> None:
        uv = Path(sys.executable).with_name("uv")
        env = os.environ | {"UV_CACHE_DIR": str(CACHE / "uv")}
        run([uv, "venv", "--clear", "--python", sys.executable, home], log, env=env)
        run(
            [uv, "pip", "sync", "--system-certs", "--require-hashes", "--compile-bytecode",
             "--python", home / "bin" / "python", folder / "requirements.lock"],
            log,
            env=env,
        )  # fmt: skip

    return Step(
        name=name,
        sources=[folder / "requirements.lock"],
        words=lambda: [sys.version],
        makes=[home / "bin" / "python"],
        action=make,
    )


def npm(log: IO[str], *words: str) -> None:
    run([toolchains.find("npm"), *words], log, cwd=SAMPLE_STACK, env=toolchains.environment("node"))


def go_build(
    log: IO[str],
    module: Path,
    package: str,
    binary: Path,
    env: Mapping[str, str] | None = None,
) -> None:
    run(
        [toolchains.find("go"), "build", "-trimpath", "-ldflags=-s -w", "-o", binary, package],
        log,
        cwd=module,
        env={**toolchains.environment("go"), **(env or {})},
    )
