"""The scenarios that come with hopwatch: the TOML files in `scenarios/`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from hopwatch.errors import InputError, UsageError
from hopwatch.simulation.parsing import read_scenario
from hopwatch.simulation.scenario import Scenario


def names() -> list[str]:
    """Their names, sorted."""
    files = resources.files("hopwatch.simulation").joinpath("scenarios").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def load(name: str) -> Scenario:
    """One of them. Raises UsageError for a name that is none."""
    return read_scenario(text(name))


def text(name: str) -> str:
    """The TOML of one of them. Raises UsageError for a name that is none."""
    if name not in names():
        raise UsageError(f"no scenario {name!r}; there are {', '.join(names())}, or give a file")
    folder = resources.files("hopwatch.simulation").joinpath("scenarios")
    return folder.joinpath(f"{name}.toml").read_text("utf-8")


def load_file(path: Path) -> Scenario:
    """The scenario of a file. Raises InputError where it cannot be read, UsageError for a key or a
    value that is not allowed."""
    try:
        found = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8"
        raise InputError(f"{path}: cannot be read: {reason}") from error
    try:
        return read_scenario(found)
    except (InputError, UsageError) as error:
        raise type(error)(f"{path}: {error}") from error
