"""What several kinds of tests share: a database, a running stack, a browser, reference data."""

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from hopwatch_stack import toolchains
from hopwatch_stack.errors import StackError
from hopwatch_stack.ports import free_ports
from hopwatch_stack.processes import ProcessRuntime
from hopwatch_stack.progress import Silent
from hopwatch_stack.services import embedded_database_url, services
from hopwatch_stack.settings import Ports, Settings
from hopwatch_stack.surroundings import ThisMachine
from tests.running_stack import RunningStack

ROOT = Path(__file__).resolve().parent.parent


def _settings(folder: Path) -> Settings:
    return Settings(
        state_dir=folder / "state",
        store=folder / "store",
        ports=Ports(*free_ports(len(fields(Ports)))),
        labs=True,
    )


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty database of our own, or the one that TEST_DATABASE_URL names."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    settings = _settings(tmp_path_factory.mktemp("postgres"))
    wanted = [
        s for s in services(settings, ThisMachine()) if s.name in ("postgres-init", "postgres")
    ]
    runtime = ProcessRuntime(settings.state_dir)
    runtime.start(wanted, Silent())
    yield embedded_database_url(settings)
    assert runtime.stop() == []


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The whole stack on free ports with labs on, beside whatever else may run."""
    settings = _settings(tmp_path_factory.mktemp("stack"))
    runtime = ProcessRuntime(settings.state_dir)
    runtime.start(services(settings, ThisMachine()), Silent())
    yield RunningStack(settings, runtime)
    assert runtime.stop() == []


@pytest.fixture
def free_settings(tmp_path: Path) -> Settings:
    """Settings of a stack of the test's own."""
    return _settings(tmp_path)


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """A browser, where there is one for this machine."""
    try:
        return toolchains.find("chromium")
    except StackError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The reference traces, which live beside the checkout and not in it."""
    given = os.environ.get("HOPWATCH_SHARED_DATA")
    folder = Path(given) if given else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no reference data in {folder}: HOPWATCH_SHARED_DATA names another folder")
    return folder
