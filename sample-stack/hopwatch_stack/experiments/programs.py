"""Building and running the small programs of sample-stack/experiments."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from .. import recipes, toolchains
from ..commands import run
from ..errors import StackError
from ..paths import BINARIES, SAMPLE_STACK
from ..steps import Step

SOURCES = SAMPLE_STACK / "experiments"
LONGEST_SECONDS = 300
GO = Step("go toolchain", lambda log: toolchains.ensure("go", log))


def go(command: str, name: str, env: Mapping[str, str] | None = None) -> tuple[Step, Path]:
    """The step that builds a Go command as `name`, and what it makes."""
    binary = BINARIES / name

    step = Step(
        name=name,
        needs=[GO.name],
        sources=[SOURCES],
        words=lambda: [toolchains.version("go")],
        makes=[binary],
        action=lambda log: recipes.go_build(log, SOURCES, f"./cmd/{command}", binary, env),
    )
    return step, binary


def c(source: str, name: str) -> tuple[Step, Path]:
    """The step that builds a program of one C file as `name`, and what it makes."""
    binary = BINARIES / name

    def build(log: IO[str]) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise StackError("a C compiler (cc) is missing: install one, such as gcc")
        BINARIES.mkdir(parents=True, exist_ok=True)
        run([compiler, "-O2", "-pthread", "-o", binary, SOURCES / source], log)

    return Step(name, build, sources=[SOURCES / source], makes=[binary]), binary


def said_by(words: Sequence[str | Path], cwd: Path | None = None) -> Any:
    """The JSON that a program prints."""
    line = [str(word) for word in words]
    name = Path(line[0]).name
    try:
        done = subprocess.run(
            line, cwd=cwd, capture_output=True, text=True, timeout=LONGEST_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{name} did not end within {LONGEST_SECONDS} s.") from error
    if done.returncode != 0:
        raise StackError(f"{name} exited with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)
