"""What is merged, dropped and deleted, decided on manifests alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from hopwatch.errors import InputError, UsageError
from hopwatch.store import manifest, upkeep
from hopwatch.store.manifest import Manifest, Retired, Segment
from hopwatch.store.upkeep import Retention, parse_retention

MIB = 1 << 20


def segment(number: int, level: int = 0, memory: int = MIB) -> Segment:
    return Segment(
        file=f"{number}.parquet",
        rows=1,
        file_bytes=100,
        memory_bytes=memory,
        min_start_ns=0,
        max_start_ns=0,
        min_trace_id="00" * 16,
        max_trace_id="ff" * 16,
        bucket=0,
        bucket_count=1,
        level=level,
        first_batch=number,
        last_batch=number,
        received_ns=number * 10**9,
    )


def of(*segments: Segment) -> Manifest:
    return Manifest(segments=segments)


@pytest.mark.parametrize(
    ("text", "retention"),
    [
        ("24h", Retention(max_age_ns=86_400 * 10**9)),
        ("7d", Retention(max_age_ns=7 * 86_400 * 10**9)),
        ("500MB", Retention(max_bytes=500 * 10**6)),
        ("10GB", Retention(max_bytes=10**10)),
    ],
)
def test_retention_words(text: str, retention: Retention) -> None:
    assert parse_retention(text) == retention


@pytest.mark.parametrize(
    "text", ["", "24", "h", "0h", "-1h", "10 GB", "10gb", "1.5h", "9" * 30 + "h"]
)
def test_words_that_say_no_retention(text: str) -> None:
    with pytest.raises(UsageError, match="write an age such as 24h"):
        parse_retention(text)


def test_eight_of_a_level_are_merged() -> None:
    segments = [segment(number) for number in range(9)]
    assert upkeep.to_merge(of(*segments[:7])) == ()
    assert upkeep.to_merge(of(*segments)) == segments[:8]


def test_levels_are_not_mixed_and_runs_not_broken() -> None:
    old = [segment(number, level=1) for number in range(7)]
    new = [segment(number) for number in range(7, 14)]
    assert upkeep.to_merge(of(*old, *new)) == ()
    assert upkeep.to_merge(of(*old, *new, segment(14))) == [*new, segment(14)]


def test_merges_are_bounded_in_memory() -> None:
    segments = [segment(number, memory=20 * MIB) for number in range(5)]
    assert upkeep.to_merge(of(*segments)) == segments[:3]
    assert upkeep.to_merge(of(*(segment(number, memory=60 * MIB) for number in range(9)))) == ()


def test_dropped_by_age_and_by_size() -> None:
    segments = [segment(number) for number in range(5)]
    by_age = Retention(max_age_ns=2 * 10**9)
    assert upkeep.to_drop(of(*segments), by_age, now_ns=4 * 10**9) == segments[:2]
    by_size = Retention(max_bytes=250)
    assert upkeep.to_drop(of(*segments), by_size, now_ns=0) == segments[:3]
    assert upkeep.to_drop(of(), by_size, now_ns=0) == []


def test_newer_rows_of_one_signal_are_not_dropped_before_older_ones_of_another() -> None:
    spans = [segment(number) for number in (1, 2, 3)]
    metrics = replace(segment(0, level=2), signal="metrics", received_ns=10 * 10**9)
    by_size = Retention(max_bytes=250)
    assert upkeep.to_drop(of(metrics, *spans), by_size, now_ns=0) == spans[:2]


def test_changes_of_a_manifest() -> None:
    a, b, c, d = (segment(number) for number in range(4))
    merged = segment(9, level=1)
    changed = of(a, b, c).with_merged([a, b], merged, now_ns=7)
    assert changed.segments == (merged, c)
    assert changed.retired == (Retired("0.parquet", 7), Retired("1.parquet", 7))
    assert changed.with_flushed([d], 3).segments == (merged, c, d)
    assert changed.with_flushed([d], 3).flushed_batch == 3
    late = 8 + upkeep.GRACE_NS
    assert upkeep.to_delete(changed, now_ns=late - 1) == []
    assert changed.forgetting(upkeep.to_delete(changed, now_ns=late)).retired == ()


def test_saved_and_loaded(tmp_path: Path) -> None:
    before = of(segment(1), segment(2)).without([segment(1)], now_ns=3)
    manifest.save(tmp_path, before)
    assert manifest.load(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "cannot be read"),
        ("[]", "not the manifest of a hopwatch store"),
        ('{"format": "hopwatch.store", "version": 99}', "reads"),
        ('{"format": "hopwatch.store", "version": 1, "span_table_version": 1}', "damaged"),
    ],
)
def test_manifests_that_cannot_be_used(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / manifest.FILE).write_text(content)
    with pytest.raises(InputError, match=says):
        manifest.load(tmp_path)
