"""The matrix on a terminal."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from hopwatch.reports.text import plain

from .compare import RowAgreement


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
    yield from (Text(plain(said), style="yellow") for said in found["cautions"])
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


def place(cell: dict[str, Any], of: int) -> str:
    """`1`, or `2 to 4` where those cannot be told apart."""
    best, worst = cell["best_rank"], cell["worst_rank"]
    if of < 2:
        return ""
    return f"place {best}" if best == worst else f"place {best} to {worst}, not told apart"


def planned(turns: int, seconds: float) -> str:
    return f"about {minutes(turns * seconds)}: {turns} turns of about {seconds:.0f} s"


def minutes(seconds: float) -> str:
    """`12 minutes`, for what is not known better."""
    count = max(1, round(seconds / 60))
    return "1 minute" if count == 1 else f"{count} minutes"


def agreement(rows: list[RowAgreement], unlike: list[str]) -> Iterator[Text]:
    """Of two runs: what was not alike in them, row by row, then all together."""
    if unlike:
        yield Text(plain(f"Not measured alike: {'; '.join(unlike)}"), style="yellow")
    for row in rows:
        turned = "; ".join(f"{one} and {other} turned round" for one, other in row.turned)
        said = turned or ("the same order" if row.told_apart else "so nothing to compare")
        yield Text(
            plain(f"{row.title}: {row.told_apart} of {row.pairs} pairs told apart twice, {said}"),
            style="red" if row.turned else "",
        )
    sure, turned_round = sum(row.told_apart for row in rows), sum(len(row.turned) for row in rows)
    yield Text(f"All rows: {sure} pairs told apart twice, {turned_round} of them turned round")


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
