"""JavaScript modules -> the one text that a component of Streamlit gets.

Ours are small ES modules, which editors and tests read as they are. Here they are put one after
the other, what is imported before what imports it, without a build step. They then share one
scope: a name that two of them declare at the top is a syntax error in any browser, so it cannot
go unseen.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_IMPORT = re.compile(
    r'^import\s+\{(?P<names>[^}]*)\}\s+from\s+"(?P<file>\.\.?/[\w/-]+\.js)";\n', re.M
)
SHARED_CSS: Final = Path(__file__).parent / "shared" / "canvas.css"
"""How what stands around a canvas looks."""
_EXPORT = re.compile(r"^export (?!default\b)", re.M)


def joined(entry: Path) -> str:
    """The module at `entry` with all that it imports, directly or not, before it.

    Raises ValueError for an import that is written in another way than `import { a } from
    "./b.js";`.
    """
    texts: dict[Path, str] = {}
    _collect(entry.resolve(), texts)
    return "\n".join(texts.values())


def _collect(path: Path, texts: dict[Path, str]) -> None:
    text = path.read_text("utf-8")
    for found in _IMPORT.finditer(text):
        if " as " in found["names"]:
            raise ValueError(f"{path}: an import under another name cannot be joined: {found[0]}")
        imported = (path.parent / found["file"]).resolve()
        if imported not in texts:
            _collect(imported, texts)
    rest = _IMPORT.sub("", text)
    if left := re.search(r"^import\b.*", rest, re.M):
        raise ValueError(f"{path}: this import cannot be joined: {left[0]}")
    texts[path] = _EXPORT.sub("", rest)
