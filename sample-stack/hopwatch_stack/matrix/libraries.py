"""What each implementation is made with: its runtime, and the libraries it names, by version."""

import json
import platform
import re
import tomllib
from dataclasses import dataclass, field

from .. import implementations, toolchains
from ..paths import ORDERS_GO, ORDERS_NODE, ORDERS_PYTHON, ORDERS_RUST


@dataclass(frozen=True)
class Made:
    language: str
    runtime: str
    libraries: dict[str, str] = field(default_factory=dict)


def made_with(implementation: str) -> Made:
    runtime, libraries = {"go": _go, "node": _node, "rust": _rust, "python": _python}[
        implementation
    ]()
    return Made(implementations.ORDERS[implementation].language, runtime, libraries)


def _go() -> tuple[str, dict[str, str]]:
    text = (ORDERS_GO / "go.mod").read_text()
    return toolchains.version("go"), dict(re.findall(r"^\t(\S+) (v\S+)$", text, re.M))


def _node() -> tuple[str, dict[str, str]]:
    manifest = json.loads((ORDERS_NODE / "package.json").read_text())
    libraries = {
        name: version
        for name, version in manifest["dependencies"].items()
        if not name.startswith("@hopwatch/")
    }
    return f"Node {toolchains.version('node')}", libraries


def _rust() -> tuple[str, dict[str, str]]:
    manifest = tomllib.loads((ORDERS_RUST / "Cargo.toml").read_text())
    lock = tomllib.loads((ORDERS_RUST / "Cargo.lock").read_text())
    # A name stands with its version where the lock has several of it.
    [own] = [one for one in lock["package"] if one["name"] == manifest["package"]["name"]]
    named = dict([*word.split(), ""][:2] for word in own["dependencies"])
    only = {one["name"]: one["version"] for one in lock["package"]}
    libraries = {name: named[name] or only[name] for name in manifest["dependencies"]}
    return toolchains.version("cargo"), libraries


def _python() -> tuple[str, dict[str, str]]:
    manifest = tomllib.loads((ORDERS_PYTHON / "pyproject.toml").read_text())
    text = (ORDERS_PYTHON / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.M))
    libraries = {name: locked[name] for name in manifest["project"]["dependencies"]}
    return f"Python {platform.python_version()}", libraries
