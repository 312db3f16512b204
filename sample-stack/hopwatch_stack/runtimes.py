"""The runtimes by name."""

from collections.abc import Callable
from pathlib import Path

from .containers.runtime import DockerRuntime
from .processes import ProcessRuntime
from .runtime import Runtime

DEFAULT = ProcessRuntime.name
_MAKERS: dict[str, Callable[[Path], Runtime]] = {
    ProcessRuntime.name: ProcessRuntime,
    DockerRuntime.name: DockerRuntime,
}
NAMES = tuple(_MAKERS)


def make(name: str, state_dir: Path) -> Runtime:
    """The runtime of a stack whose state is in a folder."""
    return _MAKERS[name](state_dir)
