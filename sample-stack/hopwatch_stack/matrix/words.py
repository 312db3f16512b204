"""The matrix on a terminal."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from hopwatch.reports.text import plain

from .compare import RowAgreement

BUSY = 0.5


def matrix(found: dict[str, Any]) -> Iterator[Text]:
    """Line by line: rows with their intervals and places, then what cannot be said."""
    options, machine = found["options"], found["machine"]
    yield Text(plain(
        f"{options['rate']:g} requests a second, turns of {options['turn_seconds']:g} s after "
        f"{options['warmup_seconds']:g} s of warm-up; seed {options['seed']:g}"
    ))  # fmt: skip
    yield Text(plain(
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']:g} GB, "
        f"{machine['system']}"
    ))  # fmt: skip
    yield from (Text(word, style="yellow") for word in cautions(found))
    for row in found["rows"]:
        yield Text("")
        yield Text(plain(f"{row['title']}, {row['unit']}"), style="bold")
        for name, cell in in_order(row):
            yield Text(plain(f"  {name:12} {_figure(cell):34} {place(cell, len(row['cells']))}"))
    yield Text("")
    yield Text("What this table cannot say", style="bold")
    yield from (Text(plain(f"- {limit}")) for limit in found["limits"])


def in_order(row: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The cells of a row, the best first; those that cannot be told apart by what was measured."""
    sign = 1 if row["better"] == "lower" else -1
    return sorted(
        row["cells"].items(), key=lambda one: (one[1]["best_rank"], sign * one[1]["value"])
    )


def cautions(found: dict[str, Any]) -> list[str]:
    """What makes the figures less than they could be."""
    said = []
    if not found["complete"]:
        said.append(f"Not complete: {len(found['turns'])} turns were measured.")
    said += [f"Lost: {plain(lost)}" for lost in found["lost"]]
    busy = sorted(turn["load_per_core"] for turn in found["turns"])
    if busy and busy[len(busy) // 2] > BUSY:
        said.append(
            "The machine was busy with other things as turns began (load of "
            f"{busy[len(busy) // 2]:.1f} a core): times are longer than they need be."
        )
    return said


def place(cell: dict[str, Any], of: int) -> str:
    """`1`, or `2 to 4` where those cannot be told apart."""
    best, worst = cell["best_rank"], cell["worst_rank"]
    if of < 2:
        return ""
    return f"place {best}" if best == worst else f"place {best} to {worst}, not told apart"


def agreement(rows: list[RowAgreement]) -> Iterator[Text]:
    """Of two runs."""
    for row in rows:
        turned = "; ".join(f"{one} and {other} turned round" for one, other in row.turned)
        said = turned or "the same order"
        yield Text(
            plain(f"{row.title}: {row.told_apart} of {row.pairs} pairs told apart twice, {said}"),
            style="red" if row.turned else "",
        )


def _figure(cell: dict[str, Any]) -> str:
    value = number(cell["value"])
    if not cell["n"]:
        return value
    if cell["low"] is None:
        return f"{value} (n {cell['n']}: too few)"
    return f"{value} ({number(cell['low'])} to {number(cell['high'])}, n {cell['n']})"


def number(value: float) -> str:
    """In three digits, or whole."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"
