"""`hopwatch report` and `hopwatch trace` on files: words in, text, JSON or a clear error out."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from hopwatch.cli import main
from hopwatch.cli.options import Window, parse_duration, parse_time, time_window
from hopwatch.errors import UsageError
from hopwatch.reports import documents
from tests.spans_dsl import trace_id

MS = 1_000_000
LEDGER_SCHEMA = json.loads((Path(documents.__file__).parent / "schemas/ledger-1.json").read_text())
START = 1_790_000_000_000_000_000


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Three requests of two services as OTLP/JSON lines, the last 10 s later."""
    lines = []
    for i, (route, begin) in enumerate([("/a", 0), ("/a", 1), ("/b", 10_000)]):
        trace = trace_id(f"{i}").hex()
        client = _span(trace, "c1", None, begin, begin + 20, f"GET {route}", 3, {})
        server = _span(trace, "51", "c1", begin + 5, begin + 15, "GET", 2, {"http.route": route})
        lines.append(_resource_spans("web", "webjs", client))
        lines.append(_resource_spans("bff", "nodejs", server))
    path = tmp_path / "shop.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(line) for line in lines).encode()))
    return path


def _span(
    trace: str, span: str, parent: str | None, begin: int, end: int, name: str, kind: int,
    attributes: dict[str, str],
) -> dict:  # fmt: skip
    return {
        "traceId": trace,
        "spanId": span.rjust(16, "0"),
        "parentSpanId": parent.rjust(16, "0") if parent else "",
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(START + begin * MS),
        "endTimeUnixNano": str(START + end * MS),
        "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()],
    }


def _resource_spans(service: str, language: str, span: dict) -> dict:
    attributes = {
        "service.name": service,
        "service.instance.id": service,
        "telemetry.sdk.language": language,
    }
    resource = [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()]
    return {
        "resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [{"spans": [span]}]}]
    }


def run(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, str, str]:
    code = main([str(arg) for arg in argv])
    out, err = capsys.readouterr()
    return code, out, err


def test_report_as_text(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "report", shop)
    assert code == 0
    assert "3 requests from" in out
    assert "web -> bff" in out
    assert "Of 20.0 ms a request" in out
    assert "add up to the 3 requests to the nanosecond" in out


def test_report_as_json_adds_up(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "report", shop, "--json")
    document = json.loads(out)
    cells = {(c["hop"], c["language"], c["kind"]): c["total_ns"] for c in document["cells"]}
    assert cells == {("web -> bff", "-", "gap"): 30 * MS, ("bff", "nodejs", "self"): 30 * MS}
    assert document["total_ns"] == 60 * MS
    assert document["quality"]["rejected"] == {}


@pytest.mark.parametrize(
    ("options", "requests"),
    [
        (["--route", "GET /a"], 2),
        (["--route", "/b"], 0),
        (["--where", "http.route=/b"], 1),
        (["--service", "bff"], 3),
        (["--service", "nobody"], 0),
        (["--since", str(START + 5000 * MS)], 1),
        (["--until", "2026-09-21T14:13:20.001Z"], 1),
    ],
)
def test_report_of_some(
    shop: Path, capsys: pytest.CaptureFixture[str], options: list[str], requests: int
) -> None:
    _, out, _ = run(capsys, "report", shop, "--json", *options)
    assert json.loads(out)["requests"] == requests


def test_report_per_trace(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "report", shop, "--per-trace", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == 3
    for line in lines:
        assert sum(cell["ns"] for cell in line["cells"]) == line["duration_ns"] == 20 * MS


def test_trace_as_waterfall_and_json(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = trace_id("0").hex()
    code, out, _ = run(capsys, "trace", trace[:12], shop)
    assert code == 0
    assert f"trace {trace}" in out
    assert "20,000,000" in out
    _, out, _ = run(capsys, "trace", trace, shop, "--json")
    assert json.loads(out)["requests"][0]["duration_ns"] == 20 * MS


def test_a_trace_is_attributed_with_what_all_traces_tell_of_the_clocks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A time-out among good calls: alone it could as well be a skewed clock."""
    lines = []
    for i in range(20):
        trace, begin = trace_id(f"{i}").hex(), i * 100
        client = _span(trace, "c1", None, begin, begin + (10 if not i else 20), "GET", 3, {})
        server = _span(trace, "51", "c1", begin + (9 if not i else 1), begin + 19, "GET", 2, {})
        # The first one's client gives up after 10 ms.
        lines += [_resource_spans("web", "webjs", client), _resource_spans("bff", "go", server)]
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    first = trace_id("0").hex()
    _, out, _ = run(capsys, "trace", first, path, "--json")
    (alone,) = json.loads(out)["requests"]
    _, out, _ = run(capsys, "report", path, "--per-trace", "--json")
    among = next(d for d in map(json.loads, out.splitlines()) if d["trace_id"] == first)
    assert alone == among
    assert "outlives" in alone["flags"]


def test_what_was_left_out_is_said_beside_every_output(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = shop.with_name("broken.jsonl")
    broken.write_text(gzip.decompress(shop.read_bytes()).decode() + "\n{broken")
    for words in (["report", broken, "--per-trace"], ["trace", trace_id("0").hex(), broken]):
        code, _, err = run(capsys, *words)
        assert code == 0
        assert "1 left out" in err
    _, out, _ = run(capsys, "report", broken)
    assert "1 left out" in out


def test_a_terminal_without_unicode_gets_all_the_same_an_answer(shop: Path) -> None:
    trace = trace_id("0").hex()
    for words in (["report", shop], ["report", shop, "--per-trace"], ["trace", trace, shop]):
        done = subprocess.run(
            [sys.executable, "-m", "hopwatch.cli", *words],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")


def test_what_is_quoted_of_broken_input_is_not_obeyed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    span = _span(trace_id().hex(), "c1", None, 0, 1, "GET", 3, {})
    folder = tmp_path / "\x1b[31mred"
    folder.mkdir()
    path = folder / "hostile.json"
    path.write_text(json.dumps(_resource_spans("web", "webjs", {**span, "spanId": "\x1b[2J"})))
    for words in (["report", path], ["report", path, "--per-trace"], ["trace", "0a", path]):
        _, out, err = run(capsys, *words)
        assert "left out" in out + err
        assert "\x1b" not in out + err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["report", "{tmp}/none.json"], "none.json: cannot be read: No such file"),
        (["report", "{tmp}/text"], "holds no telemetry: it looks like text"),
        (["report", "--store", "{tmp}"], "{tmp}"),
        (["report", "{shop}", "--store", "x"], "not both"),
        (["report", "{shop}", "--where", "x"], "not KEY=VALUE"),
        (["report", "{shop}", "--by", "hop,color"], "'color' is none of hop"),
        (["report", "{shop}", "--last", "soon"], "'soon' is no duration"),
        (["report", "{shop}", "--last", "9" * 400 + "s"], "is no duration"),
        (["report", "{shop}", "--since", "yesterday"], "'yesterday' is no time"),
        (["report", "{shop}", "--since", "0001-01-01"], "is no time"),
        (["report", "{shop}", "--since", "2", "--until", "1"], "ends (1) before it begins"),
        (["report", "{shop}", "--top", "0"], "--top"),
        (["report", "{shop}", "--tau", "-1"], "negative"),
        (["trace", "xyz", "{shop}"], "'xyz' is no trace id"),
        (["trace", "ffffffff", "{shop}"], "no trace in"),
    ],
)
def test_wrong_words_and_input_are_said_and_exit_with_2(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    (tmp_path / "text").write_text("hello")
    code, out, err = run(capsys, *(w.format(tmp=tmp_path, shop=shop) for w in words))
    assert (code, out) == (2, "")
    assert says.format(tmp=tmp_path) in err
    assert "Traceback" not in err


def test_times_and_durations() -> None:
    assert parse_duration("1.5h", "--last") == 5400 * 10**9
    assert parse_time("1790000000", "x") == START
    assert parse_time("1790000000.25", "x") == START + 250 * MS
    assert parse_time(str(START + 7), "x") == START + 7
    assert (
        parse_time("1790000000250", "x") == parse_time("1790000000250000", "x") == START + 250 * MS
    )
    assert parse_time("20260921", "x") == parse_time("2026-09-21", "x")
    assert parse_time("2026-09-21T14:13:20.123456+00:00", "x") == START + 123_456_000
    args = argparse.Namespace(last="15m", since=None, until=None)
    assert time_window(args, now_ns=START) == Window(START - 900 * 10**9, None)
    with pytest.raises(UsageError):
        time_window(argparse.Namespace(last="15m", since="1", until=None))


def test_checks_say_what_was_measured_and_decide_the_exit_code(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "report", shop, "--fail-if", "mean>1ms", "--fail-if", "mean>1s")
    assert code == 1
    checks = " ".join(out.partition("\nChecks\n")[2].split())
    assert "failed mean>1ms mean: 20.00 ms (95% interval unknown); > 1.000 ms holds" in checks
    assert "See trace" in checks
    assert "passed mean>1s mean: 20.00 ms" in checks
    code, out, _ = run(capsys, "report", shop, "--fail-if", "hop=bf,p95>1s")
    assert code == 2
    assert "unjudged  hop=bf,p95>1s" in out
    assert "There is: hop=bff" in out
    code, _, _ = run(capsys, "report", shop, "--fail-if", "p95>1s,requests>=20")
    assert code == 0
    failed_and_unjudged = ["--fail-if", "p95>1s", "--fail-if", "requests>2"]
    assert run(capsys, "report", shop, *failed_and_unjudged)[0] == 1


def test_nothing_at_all_does_not_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "nothing.json"
    path.write_text('{"resourceSpans": []}')
    assert run(capsys, "report", path, "--fail-if", "p95>1s")[0] == 2
    assert run(capsys, "report", path, "--fail-if", "hop=a,errors>1%")[0] == 2
    assert run(capsys, "report", path, "--fail-if", "requests<1")[0] == 1
    assert run(capsys, "report", path, "--fail-if", "requests<1", "--json")[0] == 1


def test_conditions_that_cannot_be_read_are_said_before_anything_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = run(capsys, "report", "no such file", "--fail-if", "hop=\x1b[2J,p59>")
    assert (code, out) == (2, "")
    assert "'hop=\\x1b[2J,<HERE>p59>': '' is no limit for p59" in err
    code, _, err = run(capsys, "report", "x", "--per-trace", "--fail-if", "p95>1s")
    assert code == 2
    assert "--per-trace" in err


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    """Four requests; one fails after two attempts of a slow call."""
    lines = []
    for i in range(4):
        trace = trace_id(f"{i}").hex()
        length = 500 if i == 3 else 20
        root = _span(trace, "a0", None, 0, length, "GET /a", 2, {})
        calls = [("c1", 1, 10)] if i < 3 else [("c1", 1, 200), ("c2", 250, 490)]
        spans = [
            _span(trace, name, "a0", begin, end, "GET", 3, {"server.address": "pay"})
            for name, begin, end in calls
        ]
        if i == 3:
            for span in (root, *spans):
                span["status"] = {"code": 2}
        lines += [_resource_spans("web\x1b[31m", "go", span) for span in (root, *spans)]
    path = tmp_path / "failing.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def test_failures_and_retries_are_told_apart(
    failing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "report", failing)
    said = " ".join(out.split())
    assert "1 of 4 requests failed: 25.000%" in said
    assert "A failed one takes 500.0 ms at the mean, one that succeeds 20.00 ms: pay remote" in said
    assert f"Errors first seen in pay remote (1); see trace {trace_id('3').hex()}." in said
    assert "Repeated attempts and the pauses between take 62.25 ms of a request's time" in said
    assert "\x1b" not in out
    _, out, _ = run(capsys, "report", failing, "--json", "--fail-if", "errors>1%")
    document = json.loads(out)
    jsonschema.validate(document, LEDGER_SCHEMA)
    outcomes = document["outcomes"]
    assert {name: found["requests"] for name, found in outcomes.items()} == {"ok": 3, "error": 1}
    for found in outcomes.values():
        assert sum(cell["total_ns"] for cell in found["cells"]) == found["total_ns"]
    assert outcomes["error"]["first_seen_in"][0]["hop"] == "pay"
    assert sum(hop["total_ns"] for hop in document["retries"]) == 249 * MS
    assert document["checks"][0]["verdict"] == "failed"


@pytest.mark.parametrize(("outcome", "requests"), [("ok", 3), ("error", 1)])
def test_report_of_one_outcome(
    failing: Path, capsys: pytest.CaptureFixture[str], outcome: str, requests: int
) -> None:
    code, out, _ = run(capsys, "report", failing, "--outcome", outcome, "--json")
    document = json.loads(out)
    assert (code, document["requests"], list(document["outcomes"])) == (0, requests, [outcome])
    assert run(capsys, "report", failing, "--outcome", outcome)[0] == 0
