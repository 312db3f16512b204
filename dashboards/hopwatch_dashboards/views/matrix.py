"""The decision matrix: a file of `hopwatch-stack matrix`, and the articles' opinions beside it.

What a row means, its intervals and its order stand in the file; here they become words and
lengths.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from hopwatch.errors import InputError

SCHEMA: Final = "hopwatch.matrix/1"


@dataclass(frozen=True, slots=True)
class Cell:
    """One contender, or implementation, in a row. `low`, `high`: None where there are too few
    turns to say how sure `value` is; `n`: turns, 0 for what is counted."""

    name: str
    value: float
    low: float | None
    high: float | None
    n: int
    best_rank: int
    worst_rank: int


@dataclass(frozen=True, slots=True)
class Row:
    """`cells`: the best first."""

    name: str
    group: str
    title: str
    unit: str
    better: str
    means: str
    cells: tuple[Cell, ...]

    @property
    def leader(self) -> Cell | None:
        """Who is ahead of all others beyond chance, if anybody."""
        first = self.cells[0] if len(self.cells) > 1 else None
        return first if first is not None and first.worst_rank == 1 else None


@dataclass(frozen=True, slots=True)
class Matrix:
    """`setup`: how it was measured, in sentences; `cautions`: what makes it less than it could
    be; `limits`: what it cannot say."""

    rows: tuple[Row, ...]
    setup: tuple[str, ...]
    cautions: tuple[str, ...]
    limits: tuple[str, ...]
    made_with: tuple[tuple[str, str, str], ...]
    """Implementation, runtime, libraries."""

    def row(self, name: str) -> Row | None:
        return next((row for row in self.rows if row.name == name), None)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the articles say of a criterion; the rows that put it to the test, or why none does."""

    criterion: str
    node: str
    go: str
    rust: str
    rows: tuple[str, ...] = ()
    why_not: str = ""


OPINIONS: Final = (
    Opinion("learning curve", "low with a JavaScript background", "medium, very quick to read",
            "high (ownership)", why_not="Needs people who learn, not a machine. Lines of code are"
            " counted below: of one team that knew all four."),
    Opinion("CPU performance", "medium, one thread", "excellent, compiled, fast GC",
            "the most, no GC", ("cpu", "throughput")),
    Opinion("concurrency", "event loop, async/await", "goroutines, CSP",
            "threads and async (Tokio)", ("throughput", "latency_p99", "memory_loaded")),
    Opinion("best use", "API gateway, BFF, prototypes, serverless I/O",
            "microservices, infrastructure, high-scale APIs", "core engines, real time, Wasm",
            ("start", "memory_idle", "artifact"),
            "Only one kind of service is measured: calls that wait for a database."),
    Opinion("ecosystem", "npm: gigantic, uneven", "modules: standardised, robust",
            "cargo: excellent quality", why_not="Quality of other people's libraries is not"
            " measured. Each service found what it needed; which, stands below."),
    Opinion("hiring", "easy", "medium", "hard", why_not="A matter of places and years, not of"
            " code."),
)  # fmt: skip


def newest(folder: Path) -> Path | None:
    """The last result in the folder where `hopwatch-stack matrix` puts them."""
    found = [(path.stat().st_mtime, path) for path in folder.glob("*.json")]
    return max(found)[1] if found else None


def read(path: Path) -> Matrix:
    """Raises InputError for what is no matrix."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: {error}") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise InputError(f"{path} is no matrix: `hopwatch-stack matrix` writes {SCHEMA}.")
    try:
        return _matrix(found)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{path} says {SCHEMA} and is damaged: {error!r}.") from error


def headline(matrix: Matrix) -> str:
    """Where an order can be told, and which language is ahead how often."""
    contested = [row for row in matrix.rows if len(row.cells) > 1]
    told = [row for row in contested if row.leader]
    if not contested:
        return "Nothing was compared: one contender was measured."
    if not told:
        return f"In none of {len(contested)} rows is one ahead of all others beyond chance."
    firsts: dict[str, int] = {}
    for row in told:
        assert row.leader is not None
        language = row.leader.name.partition("-")[0]
        firsts[language] = firsts.get(language, 0) + 1
    leaders = sorted(firsts, key=lambda name: -firsts[name])
    ahead = ", ".join(f"{name} in {firsts[name]}" for name in leaders)
    where = f"In {len(told)} of {len(contested)} rows one is ahead of all others beyond chance"
    return f"{where}: {ahead}."


def found_of(opinion: Opinion, matrix: Matrix) -> list[str]:
    """What was measured of an opinion, a sentence a row, by gRPC where there is a choice: the best
    first, with ~ between those that cannot be told apart."""
    said = []
    for name in opinion.rows:
        row = matrix.row(name)
        if row is None or not row.cells:
            continue
        own = [cell for cell in row.cells if not cell.name.endswith("-rest")] or row.cells
        order = ""
        for before, cell in zip([None, *own], own, strict=False):
            if before is not None:
                order += ", " if _told_apart(before, cell) else " ~ "
            order += f"{cell.name.removesuffix('-grpc')} {figure(cell.value)}"
        said.append(f"{row.title}, {row.unit}: {order}.")
    return said


def _told_apart(one: Cell, other: Cell) -> bool:
    """Whether their intervals do not overlap, as in the places of the file."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low


def place(cell: Cell, row: Row) -> str:
    """`1`, or `2 to 4` where those cannot be told apart."""
    if len(row.cells) < 2:
        return ""
    if cell.best_rank == cell.worst_rank:
        return str(cell.best_rank)
    return f"{cell.best_rank} to {cell.worst_rank}"


def extent(cell: Cell, row: Row) -> tuple[float, float, float]:
    """Where the interval begins, its length, and where the value is, as parts of the row's
    widest."""
    ends = [one.value if one.high is None else max(one.value, one.high) for one in row.cells]
    widest = max(ends) or 1.0
    low = cell.value if cell.low is None else max(0.0, cell.low)
    high = cell.value if cell.high is None else cell.high
    return low / widest, (high - low) / widest, cell.value / widest


def figure(value: float) -> str:
    """In three digits, or whole."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"


def _matrix(found: dict[str, Any]) -> Matrix:
    return Matrix(
        rows=tuple(_row(row) for row in found["rows"] if row["cells"]),
        setup=_setup(found),
        cautions=tuple(map(str, found["cautions"])),
        limits=tuple(map(str, found["limits"])),
        made_with=tuple(
            (
                f"{name} ({made['language']})",
                str(made["runtime"]),
                ", ".join(f"{library} {version}" for library, version in made["libraries"].items()),
            )
            for name, made in found["implementations"].items()
        ),
    )


def _row(row: dict[str, Any]) -> Row:
    sign = 1 if row["better"] == "lower" else -1
    cells = [
        Cell(
            name, float(cell["value"]), _number(cell["low"]), _number(cell["high"]),
            int(cell["n"]), int(cell["best_rank"]), int(cell["worst_rank"]),
        )
        for name, cell in row["cells"].items()
    ]  # fmt: skip
    return Row(
        name=str(row["name"]),
        group=str(row["group"]),
        title=str(row["title"]),
        unit=str(row["unit"]),
        better=str(row["better"]),
        means=str(row["means"]),
        cells=tuple(sorted(cells, key=lambda cell: (cell.best_rank, sign * cell.value))),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _setup(found: dict[str, Any]) -> tuple[str, ...]:
    options, machine = found["options"], found["machine"]
    began = datetime.fromisoformat(found["started_at"]).astimezone(UTC)
    return (
        f"{options['rate']:g} requests a second in turns of {options['turn_seconds']:g} s, after"
        f" {options['warmup_seconds']:g} s of warm-up; up to {options['turns']:g} turns each, from"
        f" {began:%Y-%m-%d %H:%M} UTC on. Top rates hold p99 within {options['limit_ms']:g} ms.",
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']:g} GB,"
        f" {machine['system']}, {machine['postgres']}.",
    )
