"""What the log still holds when a store is opened: the batches that no segment has yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa

from hopwatch.errors import HopwatchError
from hopwatch.store import durable, log
from hopwatch.store.log import Damage, Frame

ASIDE: Final = "damaged"

Decode = Callable[[int, bytes], pa.Table]
"""(kind, payload) of a logged batch to its table; the inverse of what the caller logged."""


@dataclass(slots=True)
class Recovery:
    """What opening a store found in its log."""

    batches: int = 0
    rows: int = 0
    damages: list[str] = field(default_factory=list)
    """One line for each stretch that could not be read, and where it is kept now."""
    digests: list[bytes] = field(default_factory=list)
    """Of all batches that are kept, also those that had a segment already: their senders may
    have lost the answer, and send again."""


def unflushed(
    directory: Path, flushed_batch: int, decode: Decode, report: Recovery
) -> Iterator[tuple[Frame, pa.Table]]:
    """The log's batches behind `flushed_batch` with their tables, in order.

    What cannot be read is set aside in `directory`/damaged and named in `report`.
    """
    found = log.files(directory)
    for path in found:
        for item in log.read(path, newest=path == found[-1]):
            if isinstance(item, Damage):
                _set_aside(directory, item, report)
            elif item.batch <= flushed_batch:
                report.digests.append(item.digest)
            elif (table := _decoded(directory, item, decode, report)) is not None:
                report.batches += 1
                report.rows += table.num_rows
                report.digests.append(item.digest)
                yield item, table


def _decoded(directory: Path, frame: Frame, decode: Decode, report: Recovery) -> pa.Table | None:
    try:
        return decode(frame.kind, frame.payload)
    except HopwatchError as error:
        path = _keep(directory, f"batch-{frame.batch}", frame.payload)
        report.damages.append(f"batch {frame.batch} cannot be decoded: {error}; kept as {path}")
        return None


def _set_aside(directory: Path, damage: Damage, report: Recovery) -> None:
    if damage.torn:
        report.damages.append(f"{damage}; it was cut off")
        return
    path = _keep(directory, f"{damage.path.stem}-{damage.offset}", damage.data)
    report.damages.append(f"{damage}; they are kept as {path}")


def _keep(directory: Path, name: str, data: bytes) -> Path:
    aside = directory / ASIDE
    aside.mkdir(exist_ok=True)
    durable.replace(aside / name, data)
    return aside / name
