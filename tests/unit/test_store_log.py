"""The write-ahead log: nothing torn, damaged or failed goes unseen."""

import errno
import os
from pathlib import Path

import pytest

from hopwatch.store import log
from hopwatch.store.log import Damage, Frame, LogFailedError, LogWriter, UnavailableError

BODIES = [(0, b"first"), (1, b""), (17, b"third" * 100)]
FRAMES = [Frame(5, 0, b"first"), Frame(6, 1, b""), Frame(7, 17, b"third" * 100)]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    writer = LogWriter(tmp_path, next_batch=5)
    assert writer.append(BODIES[:2]) == 5
    assert writer.append(BODIES[2:]) == 7
    writer.close()
    (path,) = log.files(tmp_path)
    return path


def test_read_back(written: Path) -> None:
    assert list(log.read(written, newest=True)) == FRAMES
    assert written.name == "0000000000000005.log"


def test_torn_at_any_byte(written: Path) -> None:
    data = written.read_bytes()
    ends = [21 + 5, 2 * 21 + 5, len(data)]
    for size in range(len(data)):
        written.write_bytes(data[:size])
        whole = [frame for frame, end in zip(FRAMES, ends, strict=True) if end <= size]
        *frames, last = [*log.read(written, newest=True), None]
        if last is None and frames and isinstance(frames[-1], Damage):
            torn = frames.pop()
            assert torn.torn
            assert torn.data == data[ends[len(whole) - 1] if whole else 0 : size]
        assert frames == whole


@pytest.mark.parametrize("place", [0, 4, 8, 16, 17, 21, 25])
def test_damage_anywhere_in_a_frame_costs_that_frame(written: Path, place: int) -> None:
    data = bytearray(written.read_bytes())
    data[place] ^= 0x40
    written.write_bytes(data)
    damage, *frames = log.read(written, newest=True)
    assert isinstance(damage, Damage)
    assert not damage.torn
    assert damage.data == bytes(data[:26])
    assert frames == FRAMES[1:]


def test_damaged_end_of_an_older_file_is_no_torn_write(written: Path) -> None:
    written.write_bytes(written.read_bytes()[:-1])
    *frames, damage = log.read(written, newest=False)
    assert frames == FRAMES[:2]
    assert isinstance(damage, Damage)
    assert not damage.torn


def test_rotation_and_dropping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "ROTATE_BYTES", 30)
    writer = LogWriter(tmp_path, next_batch=1)
    for number in range(6):
        writer.append([(0, b"x" * 10 * number)])
    firsts = [int(path.stem, 16) for path in log.files(tmp_path)]
    assert firsts == [1, 3, 4, 5, 6]
    log.drop_until(tmp_path, 1)  # batch 2 is in the first file still
    assert len(log.files(tmp_path)) == 5
    log.drop_until(tmp_path, 4)
    assert [int(path.stem, 16) for path in log.files(tmp_path)] == [5, 6]
    log.drop_until(tmp_path, 99)
    assert [int(path.stem, 16) for path in log.files(tmp_path)] == [6]


def test_full_disk_leaves_nothing_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LogWriter(tmp_path, next_batch=1)
    writer.append([(0, b"kept")])
    real = os.pwrite

    def half_then_full(descriptor: int, data: bytes, offset: int) -> int:
        if len(data) > 20:
            return real(descriptor, data[:20], offset)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", half_then_full)
    with pytest.raises(UnavailableError, match="No space left"):
        writer.append([(0, b"lost")])
    monkeypatch.undo()
    assert writer.append([(0, b"again")]) == 2
    (path,) = log.files(tmp_path)
    assert list(log.read(path, newest=True)) == [Frame(1, 0, b"kept"), Frame(2, 0, b"again")]


def test_failed_sync_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    writer = LogWriter(tmp_path, next_batch=1)
    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(LogFailedError, match="Input/output error"):
        writer.append([(0, b"a")])
    monkeypatch.undo()
    with pytest.raises(LogFailedError, match="has failed"):
        writer.append([(0, b"a")])
