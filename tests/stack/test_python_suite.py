"""The Python orders' own tests, type checks and linter, in an environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hopwatch_stack.paths import BUILD, CACHE, ORDERS_PYTHON

HOME = BUILD / "orders-python-dev"


@pytest.fixture(scope="module")
def tools() -> Path:
    """The folder of the programs of its environment."""
    uv = Path(sys.executable).with_name("uv")
    env = os.environ | {"UV_CACHE_DIR": str(CACHE / "uv")}
    python = HOME / "bin" / "python"
    if not python.exists():
        subprocess.run(
            [uv, "venv", "--quiet", "--python", sys.executable, HOME], env=env, check=True
        )
    lock = ORDERS_PYTHON / "requirements-dev.lock"
    words = ["pip", "sync", "--quiet", "--system-certs", "--require-hashes", "--python", python]
    subprocess.run([uv, *words, lock], env=env, check=True)
    return python.parent


def run(program: Path, *arguments: str, **extra: str) -> None:
    done = subprocess.run(
        [program, *arguments],
        cwd=ORDERS_PYTHON,
        env=os.environ | extra,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_python_tests_pass(tools: Path, postgres_url: str) -> None:
    run(tools / "pytest", "-q", TEST_DATABASE_URL=postgres_url)


def test_types_check(tools: Path) -> None:
    run(tools / "mypy")


def test_linter_finds_nothing(tools: Path) -> None:
    run(tools / "ruff", "check")
    run(tools / "ruff", "format", "--check")
