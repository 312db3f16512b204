"""`hopwatch compare` and `hopwatch baseline` on files: words in; verdicts, documents, exit codes
or a clear error out."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pyarrow as pa
import pytest
from pyarrow import parquet

import hopwatch
from hopwatch.cli import main
from hopwatch.comparison import baselines
from hopwatch.errors import InputError
from hopwatch.reports import documents
from tests.spans_dsl import trace_id

MS = 1_000_000
SECOND = 1_000 * MS
START = 1_790_000_000 * SECOND
SCHEMA = json.loads((Path(documents.__file__).parent / "schemas/comparison-1.json").read_text())


def requests(
    side: str, start: int, ms: int, *, seconds: int = 25, service: str = "orders"
) -> Iterator[str]:
    """Twelve requests a second, each a span of about `ms` that says which side it is of."""
    for i in range(12 * seconds):
        begin = START + start * SECOND + i * SECOND // 12
        span = {
            "traceId": trace_id(f"{side}{start}{i}").hex(),
            "spanId": "51".rjust(16, "0"),
            "name": "GET",
            "kind": 2,
            "startTimeUnixNano": str(begin),
            "endTimeUnixNano": str(begin + ms * MS + 7_000 * (i % 13)),
            "attributes": _attributes({"http.route": "/a" if i % 3 else "/b"}),
        }
        resource = {"service.name": service, "side": side, "telemetry.sdk.language": "go"}
        yield json.dumps(
            {
                "resourceSpans": [
                    {
                        "resource": {"attributes": _attributes(resource)},
                        "scopeSpans": [{"spans": [span]}],
                    }
                ]
            }
        )


def _attributes(values: dict[str, str]) -> list[dict[str, object]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """before.jsonl, and after.jsonl, which is half as slow again and comes 100 s later; same.jsonl,
    as before."""
    folder = tmp_path_factory.mktemp("sides")
    for name, start, ms in (("before", 0, 20), ("after", 100, 30), ("same", 200, 20)):
        (folder / f"{name}.jsonl").write_text("\n".join(requests(name, start, ms)))
    return folder


@pytest.fixture(autouse=True)
def _here(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    monkeypatch.setenv("HOPWATCH_STORE", str(tmp_path / "store"))


def run(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, str, str]:
    code = main([str(arg) for arg in argv])
    out, err = capsys.readouterr()
    return code, out, err


def compared(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> dict:
    code, out, err = run(capsys, "compare", *argv, "--json")
    assert code == 0, err
    document: dict = json.loads(out)
    jsonschema.validate(document, SCHEMA)
    assert sum(term["ns"] for term in document["terms"]) == document["delta_ns"]
    return document


def test_two_files(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "compare", "before.jsonl", "after.jsonl")
    assert code == 0
    assert out.startswith("Slower: the mean request took 20.04 ms and now takes 30.04 ms.")
    assert max(map(len, out.splitlines())) <= 80
    found = compared(capsys, "before.jsonl", "after.jsonl")
    assert (found["verdict"], found["hops"][0]["hop"]) == ("slower", "orders")
    assert found["before"]["source"] == "before.jsonl"


AFTER_BY_WORDS = {
    "by": ["--by", "side", "before", "after"],
    "split": ["--split", str(1_790_000_060)],
    "windows": ["2026-09-21T14:13:20Z/60s", "2026-09-21T14:15:00Z/2026-09-21T14:15:30Z"],
}


@pytest.mark.parametrize("way", AFTER_BY_WORDS)
def test_sides_of_one_source(capsys: pytest.CaptureFixture[str], way: str) -> None:
    expected = compared(capsys, "before.jsonl", "after.jsonl")
    words = [*AFTER_BY_WORDS[way], "--from", "before.jsonl", "--from", "after.jsonl"]
    found = compared(capsys, *words)
    for side in ("before", "after"):
        del found[side]["source"], expected[side]["source"]
    assert found == expected


def test_traces_of_both_values_are_of_neither(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for side in ("x", "y") for line in requests(side, 0, 20)]
    both = [json.loads(line) for line in requests("x", 300, 20, seconds=1)]
    for i, line in enumerate(both):
        span = line["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        other = json.loads(json.dumps(line).replace('"x"', '"y"'))
        child = other["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        child |= {"spanId": "52".rjust(16, "0"), "parentSpanId": span["spanId"]}
        lines += [json.dumps(line), json.dumps(other)]
        assert i < 12
    (tmp_path / "both.jsonl").write_text("\n".join(lines))
    found = compared(capsys, "--by", "side", "x", "y", "--from", tmp_path / "both.jsonl")
    assert (found["before"]["requests"], found["after"]["requests"]) == (300, 300)
    assert found["design"]["kind"] == "side by side"
    assert found["notes"] == ["Left out, for they have spans of both values: 12 traces."]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("before.jsonl", "before.jsonl", ["Both sides are the same requests."]),
        (
            "after.jsonl",
            "before.jsonl",
            ["AFTER was recorded earlier than BEFORE: if that is not meant, swap them."],
        ),
        ("before.jsonl", "same.jsonl", []),
    ],
)
def test_sides_that_are_hardly_meant_are_noted(
    capsys: pytest.CaptureFixture[str], before: str, after: str, said: list[str]
) -> None:
    assert compared(capsys, before, after)["notes"] == said


def test_filters_are_of_both_sides(capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(capsys, "before.jsonl", "after.jsonl", "--route", "*/b")
    assert [route["route"] for route in found["routes"]] == ["/b"]
    assert found["before"]["requests"] == found["after"]["requests"] == 100


@pytest.mark.parametrize(
    ("after", "options", "code"),
    [
        ("after.jsonl", ["--not-slower"], 1),
        ("after.jsonl", ["--not-slower", "--margin", "80%"], 0),
        ("same.jsonl", ["--not-slower"], 0),
        ("same.jsonl", ["--not-slower", "--route", "*/b"], 2),  # too few to tell
        ("after.jsonl", [], 0),
    ],
)
def test_exit_codes(
    capsys: pytest.CaptureFixture[str], after: str, options: list[str], code: int
) -> None:
    for form in ("table", "json", "markdown", "junit"):
        if options or form != "junit":
            found = run(capsys, "compare", "before.jsonl", after, "--format", form, *options)
            assert (found[0], form) == (code, form)


def test_checks_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checks = tmp_path / "hopwatch.toml"
    checks.write_text('[[check]]\nhop = "orders"\nmax-rise = "15ms"\n[[check]]\nname = "mean"\n')
    words = ["compare", "before.jsonl", "after.jsonl", "--checks", checks]
    target = tmp_path / "junit.xml"
    code, out, _ = run(capsys, *words, "--format", "junit", "--output", target)
    assert (code, out) == (1, "")
    suite = ElementTree.parse(target).getroot()[0]
    assert [(case.get("name"), case[0].tag) for case in suite] == [
        ("hop orders, mean: not up by more than 15 ms", "system-out"),
        ("mean", "failure"),
    ]
    assert run(capsys, *words, "--margin", "90%")[0] == 0
    checks.write_text("[[check]]\nhops = 1\n")
    code, _, err = run(capsys, *words)
    assert code == 2
    assert "hopwatch.toml, line 2: check[1].hops: there is no such key; did you mean hop?" in err


def test_a_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "new.jsonl").write_text("\n".join(requests("n", 100, 20, service="billing")))
    mapping = tmp_path / "mapping.toml"
    mapping.write_text('[hops]\norders = "billing"\n')
    found = compared(capsys, "before.jsonl", tmp_path / "new.jsonl", "--mapping", mapping)
    assert [match["how"] for match in found["matches"]] == ["stated"]
    assert (found["new"], found["vanished"], found["delta_ns"]) == ([], [], 0)
    mapping.write_text('[hops]\norder = "billing"\n')
    code, _, err = run(capsys, "compare", "before.jsonl", "after.jsonl", "--mapping", mapping)
    assert code == 2
    assert "'order' that is not there before" in err


def test_a_baseline_stands_for_its_spans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = compared(capsys, "before.jsonl", "after.jsonl")
    code, out, err = run(capsys, "baseline", "save", "main", "before.jsonl")
    assert (code, out) == (0, "")
    assert "300 requests of before.jsonl" in err
    found = compared(capsys, "baseline:main", "after.jsonl")
    assert found["before"].pop("source") == "baseline main of before.jsonl"
    del expected["before"]["source"]
    # But for where failures began: no span is there to tell.
    assert (found.pop("failure_origins"), expected.pop("failure_origins")) == (None, [])
    assert found == expected
    _, out, _ = run(capsys, "baseline", "list")
    assert "main" in out
    assert "300" in out
    carried = tmp_path / "carried"
    assert run(capsys, "baseline", "save", "before.jsonl", "--output", carried)[0] == 0
    assert compared(capsys, carried, "after.jsonl")["delta_ns"] == expected["delta_ns"]
    assert hopwatch.compare(carried, "after.jsonl").delta_ns == expected["delta_ns"]
    part = compared(capsys, "baseline:main", "after.jsonl", "--route", "*/b")
    assert part["before"]["requests"] == 100
    assert run(capsys, "baseline", "remove", "main")[0] == 0
    code, _, err = run(capsys, "compare", "baseline:main", "after.jsonl")
    assert (code, "there is none yet" in err) == (2, True)


def test_the_same_ledger_is_saved_as_the_same_bytes(tmp_path: Path) -> None:
    ledger = hopwatch.attribute(hopwatch.read("before.jsonl"))
    for name in ("a", "b"):
        baselines.save(tmp_path / name, ledger, "x", 5)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    loaded, said = baselines.load(tmp_path / "a")
    assert loaded.cells.equals(ledger.cells)
    assert loaded.requests.equals(ledger.requests)
    assert (loaded.quality, said.source, said.saved_unix_nano) == (ledger.quality, "x", 5)


def _damaged(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (found | members).items():
            if content:
                archive.writestr(name, content)


def test_a_damaged_baseline_is_refused(tmp_path: Path) -> None:
    ledger = hopwatch.attribute(hopwatch.read("before.jsonl"))
    other = pa.BufferOutputStream()
    parquet.write_table(ledger.cells.slice(1), other)
    path = tmp_path / "b"
    for members in (
        {"baseline.json": b"{}"},
        {"baseline.json": b"["},
        {"cells.parquet": b""},  # left out
        {"cells.parquet": b"PAR1"},
        {"requests.parquet": other.getvalue().to_pybytes()},
        {"cells.parquet": other.getvalue().to_pybytes()},  # does not add up
    ):
        baselines.save(path, ledger, "x", 0)
        _damaged(path, **members)
        with pytest.raises(InputError, match="no sound baseline"):
            baselines.load(path)
    baselines.save(path, ledger, "x", 0)
    path.write_bytes(path.read_bytes()[:-100])
    assert baselines.is_baseline(path)
    with pytest.raises(InputError, match="no sound baseline"):
        baselines.load(path)


def test_a_baseline_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b"
    baselines.save(path, hopwatch.attribute(hopwatch.read("before.jsonl")), "x", 0)
    _damaged(path, **{"baseline.json": b'{"schema": "hopwatch.baseline/2"}'})
    with pytest.raises(InputError, match=r"it is hopwatch.baseline/2, which another hopwatch"):
        baselines.load(path)


def test_a_baseline_replaces_files_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    device = tmp_path / "device"
    os.mkfifo(device)
    for target in (device, tmp_path, ".", ""):
        code, _, err = run(capsys, "baseline", "save", "before.jsonl", "--output", target)
        assert (code, "Traceback" in err) == (2, False)
    assert device.is_fifo()
    assert run(capsys, "baseline", "save", "before.jsonl")[0] == 2  # without a name


def test_one_damaged_baseline_hides_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "baseline", "save", "main", "before.jsonl")[0] == 0
    folder = Path(os.environ["HOPWATCH_STORE"]) / "baselines"
    (folder / "odd name.hopwatch").write_bytes(b"PK")
    code, out, err = run(capsys, "baseline", "list")
    assert code == 2
    assert "main" in out
    assert "odd name.hopwatch: this is no sound baseline" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["before.jsonl"], "name two sides"),
        (["before.jsonl", "after.jsonl", "same.jsonl"], "put them into a folder"),
        (["before.jsonl", "nothing.jsonl"], "nothing.jsonl"),
        (["--split", "5m", "before.jsonl"], "leave out BEFORE"),
        (["--split", "soon", "--from", "before.jsonl"], "no time"),
        (["--split", "1790000060", "--until", "1790000050"], "not inside"),
        (["--by", "side", "before"], "two values"),
        (["--by", "side", "x", "x", "--from", "same.jsonl"], "both values are 'x'"),
        (["--by", "side", "same", "no", "--from", "same.jsonl"], "no requests with side=no"),
        (["--by", "http.route", "/a", "/c", "--from", "same.jsonl"], "http.route=/c"),
        (["20m/10m", "10m/10m", "--last", "5m"], "windows already"),
        (["20m/10m", "15m/"], "the windows overlap"),
        (["10m/", "20m/"], "the windows overlap"),
        (["--split", "1600000000", "--from", "same.jsonl"], "Read were 300 requests, from 2026-"),
        (["20m/10m", "10m/2020-01-01"], "ends before it begins"),
        (["before.jsonl", "after.jsonl", "--from", "same.jsonl"], "is no window"),
        (["baseline:../x", "after.jsonl"], "no name for a baseline"),
        (["before.jsonl", "after.jsonl", "--route", "PUT *"], "no requests before"),
        (["before.jsonl", "after.jsonl", "--margin", "2000%"], "margin must be"),
        (["before.jsonl", "after.jsonl", "--checks", "before.jsonl"], "no TOML"),
        (["before.jsonl", "after.jsonl", "--format", "junit"], "--checks FILE"),
        (["before.jsonl", "after.jsonl", "--top", "1"], "--top"),
    ],
)
def test_what_cannot_be_is_said(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    code, out, err = run(capsys, "compare", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
