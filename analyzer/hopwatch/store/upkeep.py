"""What to merge, drop and delete: decisions only, made on the manifest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Final

from hopwatch.errors import UsageError
from hopwatch.signals import SIGNALS
from hopwatch.store.manifest import Manifest, Retired, Segment

MERGE_COUNT: Final = 8
"""Segments of one signal and level are merged when there are this many side by side."""
MERGED_BYTES: Final = 64 << 20
"""No merge holds more than this in memory, as Arrow tables."""
GRACE_NS: Final = 300 * 10**9
"""How long a query may go on reading files that have left the store."""

_UNITS: Final = {
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86400,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}


@dataclass(frozen=True, slots=True)
class Retention:
    """How much to keep: the newest `max_bytes` of Parquet, or what came in during the last
    `max_age_ns`. The other one is None."""

    max_bytes: int | None = None
    max_age_ns: int | None = None


def parse_retention(text: str) -> Retention:
    """A retention from `24h`, `7d`, `500MB`, `10GB`. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,9})(s|m|h|d|MB|GB|TB)", text)
    if match is None or int(match[1]) == 0:
        raise UsageError(
            f"{text!r} does not say how much to keep; write an age such as 24h or 7d, or a"
            " size such as 500MB or 10GB"
        )
    amount = int(match[1]) * _UNITS[match[2]]
    if match[2].endswith("B"):
        return Retention(max_bytes=amount)
    return Retention(max_age_ns=amount * 10**9)


def to_merge(manifest: Manifest) -> Sequence[Segment]:
    """Neighbours of one signal and level that are worth merging now; empty if there are none."""
    by_signal = chain.from_iterable(manifest.of(signal) for signal in SIGNALS)
    for _, neighbours in groupby(by_signal, key=lambda segment: (segment.signal, segment.level)):
        run: list[Segment] = []
        held = 0
        for segment in neighbours:
            if held + segment.memory_bytes > MERGED_BYTES:
                if len(run) > 1:
                    return run
                run, held = [], 0
            run.append(segment)
            held += segment.memory_bytes
            if len(run) == MERGE_COUNT:
                return run
    return ()


def to_drop(manifest: Manifest, retention: Retention, now_ns: int) -> Sequence[Segment]:
    """The segments that the retention no longer keeps."""
    if retention.max_age_ns is not None:
        oldest = now_ns - retention.max_age_ns
        return [segment for segment in manifest.segments if segment.received_ns < oldest]
    surplus = sum(segment.file_bytes for segment in manifest.segments)
    surplus -= retention.max_bytes or surplus
    dropped: list[Segment] = []
    # By their newest rows: a merged segment of a signal that is small holds days of it.
    for segment in sorted(manifest.segments, key=lambda segment: segment.received_ns):
        if surplus <= 0:
            break
        dropped.append(segment)
        surplus -= segment.file_bytes
    return dropped


def to_delete(manifest: Manifest, now_ns: int) -> Sequence[Retired]:
    """The retired files that no query reads any more."""
    return [retired for retired in manifest.retired if retired.since_ns < now_ns - GRACE_NS]
