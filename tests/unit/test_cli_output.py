"""What the command line says of words and outputs that it can do nothing with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.test_cli_report import shop

__all__ = ["shop"]  # the fixture


def hopwatch(shell: str, *args: object, limit: str = ":") -> subprocess.CompletedProcess[str]:
    """`hopwatch ARGS`, with what `shell` does to its standard output, under a `limit`."""
    words = [sys.executable, "-m", "hopwatch.cli", *map(str, args)]
    return subprocess.run(
        ["sh", "-c", f'{limit}; "$@" {shell}', "sh", *words],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    ("words", "to"),
    [
        ("report", ">/dev/full"),
        ("report --json", ">/dev/full"),
        ("report --format parquet", ">/dev/full"),
        ("report", "--output /dev/full"),
        ("doctor", ">/dev/full"),
    ],
)
def test_a_full_disk(shop: Path, words: str, to: str) -> None:
    done = hopwatch(to, *words.split(), shop)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr


def test_of_what_is_too_large_nothing_is_left(shop: Path, tmp_path: Path) -> None:
    done = hopwatch(
        "", "report", shop, "--output", tmp_path / "out", limit="ulimit -f 0; trap '' XFSZ"
    )
    assert done.returncode == 2
    assert "File too large" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [shop.name]


def test_a_closed_standard_output(shop: Path) -> None:
    done = hopwatch(">&-", "report", shop, "--fail-if", "requests<1")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_leaves(shop: Path) -> None:
    done = hopwatch("| true", "report", shop, "--json")
    assert done.stderr == ""


def test_an_empty_path_is_not_this_folder() -> None:
    done = hopwatch("", "report", "")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a path is empty" in done.stderr
