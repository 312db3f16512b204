"""Two runs: whether they put the contenders in the same order, where each can tell."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from .statistics import Estimate, told_apart


@dataclass(frozen=True)
class RowAgreement:
    """Pairs of a row: told apart in both runs, and of these those in another order."""

    title: str
    pairs: int
    told_apart: int
    turned: list[tuple[str, str]]


def agreement(first: dict[str, Any], second: dict[str, Any]) -> list[RowAgreement]:
    """Row by row, of what both runs have."""
    others = {row["name"]: row for row in second["rows"]}
    return [_of_row(row, others[row["name"]]) for row in first["rows"] if row["name"] in others]


def differences(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """What of two runs was not alike, though their figures depend on it."""
    return [
        f"{name} {one[name]} and {other.get(name)}"
        for one, other in (
            (first["options"], second["options"]),
            (first["machine"], second["machine"]),
        )
        for name in one
        if name not in ("seed", "turns") and one[name] != other.get(name)
    ]


def _of_row(first: dict[str, Any], second: dict[str, Any]) -> RowAgreement:
    both = [name for name in first["cells"] if name in second["cells"]]
    pairs = list(combinations(both, 2))
    sure = [pair for pair in pairs if _order(first, pair) and _order(second, pair)]
    turned = [pair for pair in sure if _order(first, pair) != _order(second, pair)]
    return RowAgreement(first["title"], len(pairs), len(sure), turned)


def _order(row: dict[str, Any], pair: tuple[str, str]) -> int:
    """-1 or 1 where the two are told apart, else 0."""
    one, other = (_estimate(row["cells"][name]) for name in pair)
    if not told_apart(one, other):
        return 0
    return -1 if one.value < other.value else 1


def _estimate(cell: dict[str, Any]) -> Estimate:
    return Estimate(cell["value"], cell["low"], cell["high"], cell["n"])
