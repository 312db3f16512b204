"""The runtimes by name."""

from pathlib import Path

from .errors import UsageError
from .processes import ProcessRuntime
from .runtime import Runtime

DEFAULT = ProcessRuntime.name
DOCKER = "docker"
NAMES = (DEFAULT, DOCKER)


def make(name: str, state_dir: Path) -> Runtime:
    """The runtime of a stack whose state is in a folder. Raises UsageError for another name."""
    if name not in NAMES:
        raise UsageError(f'"{name}" is no runtime: there are {", ".join(NAMES)}.')
    if name == DOCKER:
        # Its client takes half a second to load, which processes need not wait for.
        from .containers.runtime import DockerRuntime

        return DockerRuntime(state_dir)
    return ProcessRuntime(state_dir)
