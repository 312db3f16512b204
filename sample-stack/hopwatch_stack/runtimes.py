"""The runtimes by name."""

from collections.abc import Callable
from pathlib import Path

from .errors import UsageError
from .processes import ProcessRuntime
from .runtime import Runtime

DOCKER = "docker"
DEFAULT = ProcessRuntime.name


def make(name: str, state_dir: Path) -> Runtime:
    """The runtime of a stack whose state is in a folder."""
    if name not in _MAKERS:
        raise UsageError(f'"{name}" is no runtime: there are {", ".join(NAMES)}.')
    return _MAKERS[name](state_dir)


def _docker(state_dir: Path) -> Runtime:
    # Its client takes long to load, which is for those who use it.
    from .containers.runtime import DockerRuntime

    return DockerRuntime(state_dir)


_MAKERS: dict[str, Callable[[Path], Runtime]] = {
    ProcessRuntime.name: ProcessRuntime,
    DOCKER: _docker,
}
NAMES = tuple(_MAKERS)
