"""The Go modules' own tests and checks."""

import subprocess
from pathlib import Path

import pytest

from hopwatch_stack import toolchains
from hopwatch_stack.matrix import loadgen
from hopwatch_stack.paths import DATABASE, ORDERS_GO

MODULES = pytest.mark.parametrize(
    "module", [ORDERS_GO, DATABASE, loadgen.MODULE], ids=["orders-go", "db", "loadgen"]
)


def go(module: Path, *arguments: str, **extra: str) -> None:
    done = subprocess.run(
        [toolchains.find("go"), *arguments],
        cwd=module,
        env=toolchains.environment() | extra,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@MODULES
def test_go_tests_pass(module: Path, postgres_url: str) -> None:
    # Results of tests that use a database are not to be remembered.
    go(module, "test", "-count=1", "./...", TEST_DATABASE_URL=postgres_url)


@MODULES
def test_go_vet_finds_nothing(module: Path) -> None:
    go(module, "vet", "./...")


@MODULES
def test_go_code_is_formatted(module: Path) -> None:
    gofmt = toolchains.find("go").with_name("gofmt")
    done = subprocess.run(
        [gofmt, "-l", "."], cwd=module, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
