"""Labs: each is found where its answer says, in the requests that say of themselves who obeyed."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from rich.console import Console

import hopwatch
from hopwatch_stack import labs
from hopwatch_stack.cli import main
from hopwatch_stack.errors import StackError, UsageError
from hopwatch_stack.labs import Lab, recording
from hopwatch_stack.services import labs_file
from tests.running_stack import RunningStack

NAMES = [lab.name for lab in labs.all()]


@pytest.fixture
def state_dir(stack: RunningStack) -> Iterator[Path]:
    """That of a stack that obeys labs; none runs before and after."""
    yield stack.settings.state_dir
    labs.stop(stack.settings.state_dir)


@pytest.mark.usefixtures("once_in_containers")
@pytest.mark.parametrize("name", NAMES)
def test_lab_is_found_where_its_answer_says(
    stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(recording, "RATE", 12.0)
    monkeypatch.setattr(recording, "SECONDS", 8.0)
    monkeypatch.setattr(recording, "VISITS", 0)
    lab = labs.get(name)
    file = tmp_path / f"{name}.jsonl.gz"
    kept = recording.record(
        stack.settings.state_dir, stack.store, stack.ports, lab, file, Console(quiet=True)
    )
    assert file.stat().st_size == kept.size <= recording.MAX_BYTES
    assert kept.logs > 0
    spans = hopwatch.read(file)
    assert spans.num_rows == kept.spans
    faulty, healthy = _split(spans, lab)
    assert 3 < kept.faulty < kept.traces
    before, after = _cells_ms(healthy), _cells_ms(faulty)
    rise = {cell: after[cell] - before[cell] for cell in after}
    answer = (lab.answer.hop, lab.answer.language, lab.answer.kind)
    assert max(rise, key=rise.__getitem__) == answer, rise


def _split(spans: pa.Table, lab: Lab) -> tuple[pa.Table, pa.Table]:
    """Spans of the product lists with the fault, and of those without."""
    rows = spans.select(["trace_id", "kind", "span_attributes"]).to_pylist()
    lists, faulty = set(), set()
    for row in rows:
        attributes = dict(row["span_attributes"] or ())
        if attributes.get("http.route") == "/api/products":
            lists.add(row["trace_id"])
        if row["kind"] == "SERVER" and lab.obeyed(attributes):
            faulty.add(row["trace_id"])
    return _only(spans, lists & faulty), _only(spans, lists - faulty)


def _only(spans: pa.Table, trace_ids: set[bytes]) -> pa.Table:
    return spans.filter(pc.is_in(spans["trace_id"], pa.array(list(trace_ids), pa.binary(16))))


def _cells_ms(spans: pa.Table) -> Counter[tuple[str, ...]]:
    ledger = hopwatch.attribute(spans)
    groups = ledger.group_by("hop", "language", "kind")
    return Counter({g.key: g.blamed_ns / 1e6 / ledger.request_count for g in groups})


def test_lab_runs_until_it_is_stopped(state_dir: Path) -> None:
    assert labs.current(state_dir) is None
    assert labs.stop(state_dir) is None
    started = labs.start(state_dir, "slow-sql", share=0.1)
    assert labs.current(state_dir) == started
    labs.start(state_dir, "n-plus-one")
    stopped = labs.stop(state_dir)
    assert stopped is not None
    assert stopped.lab is labs.get("n-plus-one")
    assert labs.current(state_dir) is None


def test_surprise_is_not_given_away(
    state_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPWATCH_STACK_STATE", str(state_dir))
    for words in (["start", "--surprise"], ["status"], ["list"]):
        monkeypatch.setattr("sys.argv", ["hopwatch-stack", "lab", *words])
        assert main() == 0
    shown = capsys.readouterr().out
    running = labs.current(state_dir)
    assert running is not None
    assert running.is_surprise
    assert shown.count(running.lab.name) == 1  # In the list, as every other.
    assert "(runs)" not in shown
    monkeypatch.setattr("sys.argv", ["hopwatch-stack", "lab", "stop"])
    assert main() == 0
    assert running.lab.answer.explanation in capsys.readouterr().out


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_share_that_makes_no_sense_is_refused(state_dir: Path, share: float) -> None:
    with pytest.raises(UsageError, match="share"):
        labs.start(state_dir, "slow-sql", share=share)


def test_unknown_lab_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no lab is called rm: there are event-loop-block"):
        labs.start(tmp_path, "rm")


def test_lab_needs_a_stack_that_obeys(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no stack that obeys labs is up"):
        labs.start(tmp_path, "slow-sql")


def test_damaged_lab_file_is_told_and_can_be_stopped(tmp_path: Path) -> None:
    file = labs_file(tmp_path)
    file.parent.mkdir()
    file.write_text('{"name": "slow-sql"}')
    with pytest.raises(StackError, match=r"lab\.json is damaged.*lab stop"):
        labs.current(tmp_path)
    with pytest.raises(StackError, match="damaged"):
        labs.stop(tmp_path)
    assert labs.current(tmp_path) is None
