"""Cargo: the Rust toolchain that the user has. No registry that builds reach carries one."""

import os
import re
import shutil
from pathlib import Path

from ..errors import StackError
from ..paths import ORDERS_RUST
from .wheels import Version, version_line

# Where rustup puts it, which is not on everybody's PATH.
USUAL_FOLDER = Path.home() / ".cargo" / "bin"


def find() -> Path:
    """Its path; raises StackError where there is none, or only one that is too old."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), str(USUAL_FOLDER)])
    found = shutil.which("cargo", path=folders)
    needed = ".".join(map(str, _needed()))
    how = f"install Rust {needed} or newer, by rustup (https://rustup.rs) or your system's packages"
    if found is None:
        raise StackError(f"cargo is neither on PATH nor in {USUAL_FOLDER}: {how}")
    line = version_line(Path(found), "--version")
    if _version(line) < _needed():
        raise StackError(f"{found} is {line or 'broken'}: {how}")
    return Path(found)


def _needed() -> Version:
    return _version((ORDERS_RUST / "Cargo.toml").read_text().partition("rust-version")[2])


def _version(text: str) -> Version:
    number = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in number[0].split(".")) if number else ()
