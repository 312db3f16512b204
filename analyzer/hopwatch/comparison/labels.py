"""In which languages and versions a term's time was spent, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hopwatch.comparison.roles import Alignment, Role, Variant
from hopwatch.comparison.windows import Window

BECAME: Final = " -> "


class Labels:
    """Languages and versions by route and role, and by variant."""

    def __init__(self, windows: Sequence[Window], alignment: Alignment) -> None:
        self._seen: dict[tuple[str, Role, Variant | None], list[tuple[set[str], set[str]]]] = {}
        for at, (window, places) in enumerate(zip(windows, alignment.sides, strict=True)):
            for cell, (route, role, variant) in zip(window.cells, places, strict=True):
                for key in ((route, role, None), (route, role, variant)):
                    sides = self._seen.setdefault(key, [(set(), set()), (set(), set())])
                    sides[at][0].add(cell.language)
                    sides[at][1].add(cell.version)

    def of(self, route: str, role: Role | None, variant: Variant | None) -> tuple[str, str]:
        """Language and version of a term; `node -> go` where it changed."""
        if role is None:
            return "", ""
        before, after = self._seen[route, role, variant]
        return _became(before[0], after[0]), _became(before[1], after[1])


def _became(before: set[str], after: set[str]) -> str:
    texts = [", ".join(sorted(side)) for side in (before, after) if side]
    return texts[0] if len(set(texts)) == 1 else BECAME.join(texts)
