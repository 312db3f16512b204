"""The Rust orders' own tests and checks, in the profile and the folder of the build, whose compiled
crates they share."""

import os
import subprocess

import pytest

from hopwatch_stack import toolchains
from hopwatch_stack.implementations import RUST_TARGET
from hopwatch_stack.paths import ORDERS_RUST
from tests.stack.conftest import had


def cargo(*arguments: str, **extra: str) -> None:
    had("rust")
    done = subprocess.run(
        [toolchains.find("cargo"), *arguments],
        cwd=ORDERS_RUST,
        env=os.environ | {"CARGO_TARGET_DIR": str(RUST_TARGET)} | extra,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def component(name: str) -> None:
    """Skips where rustup or the system has Rust without it; CI must have it."""
    had("rust")
    asked = [toolchains.find("cargo"), name, "--version"]
    if subprocess.run(asked, capture_output=True).returncode == 0:
        return
    assert not os.environ.get("CI"), f"there is no cargo {name}"
    pytest.skip(f"there is no cargo {name}: `rustup component add` has it")


@pytest.mark.timeout(900)
def test_rust_tests_pass(postgres_url: str) -> None:
    cargo("test", "--release", "--locked", TEST_DATABASE_URL=postgres_url)


@pytest.mark.timeout(900)
def test_clippy_finds_nothing() -> None:
    component("clippy")
    cargo("clippy", "--release", "--locked", "--all-targets", "--", "-D", "warnings")


def test_rust_code_is_formatted() -> None:
    component("fmt")
    cargo("fmt", "--all", "--check")


@pytest.mark.timeout(900)
@pytest.mark.skipif(
    not os.environ.get("HOPWATCH_SOAK"),
    reason="the generator takes a minute of CPU time to compile (HOPWATCH_SOAK=1 runs it)",
)
def test_generated_code_is_up_to_date() -> None:
    cargo("run", "--locked", "-p", "codegen", "--", "--check")
