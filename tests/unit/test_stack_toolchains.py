"""Which installed toolchains are taken, and what is said when there is none."""

import dataclasses
from pathlib import Path

import pytest

from hopwatch_stack import toolchains
from hopwatch_stack.errors import StackError
from hopwatch_stack.toolchains import browser, wheels


@pytest.fixture(autouse=True)
def _empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No toolchain is installed or fetched."""
    monkeypatch.setattr(wheels, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(browser, "TOOLS", tmp_path / "tools")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    for name, toolchain in wheels.TOOLCHAINS.items():
        bare = dataclasses.replace(toolchain, usual_folders="")
        monkeypatch.setitem(wheels.TOOLCHAINS, name, bare)
    wheels._installed.cache_clear()
    wheels.version_line.cache_clear()


def install(tmp_path: Path, program: str, says: str) -> Path:
    script = tmp_path / "bin" / program
    script.write_text(f"#!/bin/sh\necho '{says}'\n")
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("says", ["v24.15.0", "v24.19.1", "v22.22.3", "v26.0.0"])
def test_suitable_node_is_taken(tmp_path: Path, says: str) -> None:
    install(tmp_path, "npm", "11.0.0")
    node = install(tmp_path, "node", says)
    assert toolchains.find("node") == node
    assert toolchains.find("npm") == tmp_path / "bin" / "npm"


@pytest.mark.parametrize("says", ["v20.20.2", "v22.22.2", "v23.9.0", "v24.14.9", "nonsense", ""])
def test_node_too_old_or_odd_is_not_taken(tmp_path: Path, says: str) -> None:
    install(tmp_path, "npm", "11.0.0")
    install(tmp_path, "node", says)
    with pytest.raises(StackError, match=r"node is missing: this needs Node 24.15 .*make build"):
        toolchains.find("node")


def test_node_without_npm_is_not_taken(tmp_path: Path) -> None:
    install(tmp_path, "node", "v24.19.0")
    with pytest.raises(StackError, match="npm is missing"):
        toolchains.find("npm")


def test_postgres_client_alone_is_no_postgres(tmp_path: Path) -> None:
    install(tmp_path, "postgres", "postgres (PostgreSQL) 18.4")
    with pytest.raises(StackError, match="initdb is missing: this needs Postgres 16"):
        toolchains.find("initdb")


def test_postgres_15_is_not_taken_and_18_is(tmp_path: Path) -> None:
    install(tmp_path, "initdb", "initdb (PostgreSQL) 15.18")
    install(tmp_path, "psql", "psql")
    install(tmp_path, "postgres", "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)")
    with pytest.raises(StackError, match="postgres is missing"):
        toolchains.find("postgres")
    wheels._installed.cache_clear()
    wheels.version_line.cache_clear()
    newer = install(tmp_path, "postgres", "postgres (PostgreSQL) 18.4")
    assert toolchains.find("postgres") == newer


def test_browser_that_is_installed_is_taken(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no Chromium or Chrome"):
        toolchains.find("chromium")
    chrome = install(tmp_path, "google-chrome", "")
    assert toolchains.find("chromium") == chrome
