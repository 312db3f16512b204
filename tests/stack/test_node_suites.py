"""The TypeScript workspaces' own tests, type checks and linter."""

import subprocess

import pytest

from hopwatch_stack import toolchains
from hopwatch_stack.paths import SAMPLE_STACK

WORKSPACES = pytest.mark.parametrize("workspace", ["shared", "bff", "orders-node", "web"])


def npm(*arguments: str, **extra: str) -> None:
    done = subprocess.run(
        [toolchains.find("npm"), *arguments],
        cwd=SAMPLE_STACK,
        env=toolchains.environment() | extra,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@WORKSPACES
def test_node_tests_pass(workspace: str, postgres_url: str) -> None:
    npm("test", "--workspace", workspace, TEST_DATABASE_URL=postgres_url)


@WORKSPACES
def test_types_check(workspace: str) -> None:
    npm("run", "typecheck", "--workspace", workspace)


def test_linter_finds_nothing() -> None:
    npm("run", "lint")
