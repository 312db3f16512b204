"""What several kinds of tests share: a database, a running stack, a browser, reference data."""

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from hopwatch_stack import runtimes, toolchains
from hopwatch_stack.containers import engine, images
from hopwatch_stack.errors import StackError
from hopwatch_stack.ports import free_ports
from hopwatch_stack.processes import ProcessRuntime
from hopwatch_stack.progress import Silent
from hopwatch_stack.services import embedded_database_url, services
from hopwatch_stack.settings import Ports, Settings
from hopwatch_stack.supervisor import Supervisor
from tests.running_stack import RunningStack, started

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
    runtime = ProcessRuntime(settings.state_dir)
    wanted = [s for s in services(settings, runtime.surroundings) if s.name.startswith("postgres")]
    supervisor = Supervisor(settings.state_dir, runtime, print)
    supervisor.start(wanted, Silent())
    yield embedded_database_url(settings)
    assert supervisor.stop() == []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The stack's own tests are of both runtimes; those of what it serves, of one."""
    if "runtime_name" in metafunc.fixturenames:
        path = metafunc.definition.path
        names: list[object] = [] if path.name == "test_docker.py" else [runtimes.DEFAULT]
        if "stack" in path.parts:
            # The first of them may build the images.
            marks = [pytest.mark.docker, pytest.mark.timeout(1200)]
            names.append(pytest.param(runtimes.DOCKER, marks=marks))
        metafunc.parametrize("runtime_name", names, scope="session")


@pytest.fixture(scope="session")
def docker_images() -> None:
    """Builds what has changed, where an engine is or can be had."""
    try:
        client = engine.connect()
    except StackError as error:
        pytest.skip(str(error))
    images.build(client, Silent())


@pytest.fixture(scope="session")
def runtime(runtime_name: str, request: pytest.FixtureRequest) -> str:
    """The runtime's name, once it can be used."""
    if runtime_name == runtimes.DOCKER:
        request.getfixturevalue("docker_images")
    return runtime_name


@pytest.fixture
def once_in_containers(runtime_name: str, request: pytest.FixtureRequest) -> None:
    """Of tests that are alike for several names, containers run the first; `make soak` runs all."""
    indices = request.node.callspec.indices
    later = any(index for of, index in indices.items() if of != "runtime_name")
    if runtime_name == runtimes.DOCKER and later and not os.environ.get("HOPWATCH_SOAK"):
        pytest.skip("one of several in containers (HOPWATCH_SOAK=1 runs all)")


@pytest.fixture(scope="session")
def stack(runtime: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The whole stack on free ports with labs on, beside whatever else may run."""
    with started(_settings(tmp_path_factory.mktemp("stack")), runtime) as running:
        yield running


@pytest.fixture(scope="module")
def own_stack(runtime: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """As `stack`, for the tests of one file that break things."""
    with started(_settings(tmp_path_factory.mktemp("own_stack")), runtime) as running:
        yield running


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
