"""`hopwatch doctor`, and what other subcommands say of logs and metrics."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.cells import cell_len

from hopwatch.cli import main
from hopwatch.formats import otlp_json
from hopwatch.reports import documents
from hopwatch.signals import LOGS, SPANS
from hopwatch.store import Retention, Store

TRACE, ROOT = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
START = 1_700_000_000_000_000_000
HOSTILE = "\x1b]0;owned\x07<script>\u202egnp"
SCHEMA = json.loads((Path(documents.__file__).parent / "schemas" / "quality-1.json").read_text())


def resource(name: str) -> dict[str, Any]:
    given = {"service.name": name, "service.instance.id": "i", "telemetry.sdk.language": "go"}
    return {"attributes": [{"key": k, "value": {"stringValue": v}} for k, v in given.items()]}


def spans(**changes: Any) -> dict[str, Any]:
    span = {
        "traceId": TRACE,
        "spanId": ROOT,
        "name": "GET /",
        "startTimeUnixNano": START,
        "endTimeUnixNano": START + 10_000_000,
    }
    scope = {"spans": [span | changes]}
    return {"resourceSpans": [{"resource": resource("shop"), "scopeSpans": [scope]}]}


def log(offset_ns: int, body: str, **changes: Any) -> dict[str, Any]:
    record = {
        "timeUnixNano": START + offset_ns,
        "traceId": TRACE,
        "spanId": ROOT,
        "severityNumber": 13,
        "body": {"stringValue": body},
    }
    scope = {"logRecords": [record | changes]}
    return {"resourceLogs": [{"resource": resource("shop"), "scopeLogs": [scope]}]}


def point() -> dict[str, Any]:
    gauge = {"dataPoints": [{"timeUnixNano": START, "asInt": 1}]}
    scope = {"metrics": [{"name": "m", "gauge": gauge}]}
    return {"resourceMetrics": [{"resource": resource("shop"), "scopeMetrics": [scope]}]}


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    def write(*documents: Any) -> str:
        path = tmp_path / "telemetry.jsonl"
        path.write_text("".join(json.dumps(document) + "\n" for document in documents))
        return str(path)

    return write


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    out, err = capsys.readouterr()
    return code, out, err


def test_sound_files(file: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(capsys, "doctor", file(spans(), log(1, "x"), point()))
    assert code == 0
    assert out.endswith("\nSound.\n")
    assert "shop     go" in out
    assert "Examined: 1 span of 1 trace with 1 request" in out


def test_problems_are_an_exit_code(
    file: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(spans(), spans(spanId="bad"), log(0, "x", timeUnixNano=0))
    code, out, _ = ran(capsys, "doctor", path)
    assert code == 1
    assert "problem: Invalid spans, not stored (invalid span id): 1." in out
    assert "problem: Invalid log records, not stored (missing time): 1." in out
    assert "Not sound: 2 problems." in out


def test_json_keeps_to_its_schema(
    file: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(spans(parentSpanId="00000000000000ff"), log(0, HOSTILE), point(), {"no": 1})
    code, out, _ = ran(capsys, "doctor", path, "--json")
    document = json.loads(out)
    jsonschema.validate(document, SCHEMA)
    assert code == 1
    assert not document["sound"]
    assert [stored["rows"] for stored in document["stored"]] == [1, 1, 1]
    assert document["left_out"][0]["outcome"] == "unreadable"


def test_hostile_text_is_shown_and_not_obeyed(
    file: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    bad = spans(spanId=HOSTILE)
    bad["resourceSpans"].append({"resource": resource(HOSTILE), "scopeSpans": []})
    named = spans()
    named["resourceSpans"][0]["resource"] = resource(HOSTILE)
    path = file(bad, named, log(5, HOSTILE, severityNumber=0, severityText=HOSTILE))
    for words in (["doctor", path], ["trace", TRACE[:6], path, "--logs"]):
        _, out, err = ran(capsys, *words)
        for text in (out, err):
            assert not {"\x1b", "\x07", "\u202e"} & set(text)
        assert "\\x1b" in out


def test_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hour = 3600 * 10**9
    exports = [
        (SPANS, spans()),
        (SPANS, spans(traceId="ab" * 16, startTimeUnixNano=START - 2 * hour)),
        (LOGS, log(1, "x")),
    ]
    with Store(
        tmp_path, decode=lambda *_: None, retention=Retention(max_bytes=10**9), on_problem=print
    ) as store:
        for number, (signal, export) in enumerate(exports):
            table = otlp_json.decode(json.dumps(export).encode(), signal=signal).table
            assert store.append(0, str(number).encode(), table)
        store.tally.add("metrics", "unreadable", "malformed", 3, "body: broken")
    code, out, _ = ran(capsys, "doctor", "--store", str(tmp_path))
    assert code == 0
    assert "Examined: 1 span of 1 trace" in out  # of the newest hour
    assert "warning: Requests to /v1/metrics that could not be read at all (malformed): 3." in out
    assert "body: broken" in out
    _, out, _ = ran(capsys, "doctor", "--store", str(tmp_path), "--since", "2000-01-01", "--json")
    document = json.loads(out)
    jsonschema.validate(document, SCHEMA)
    assert document["examined"]["traces"] == 2
    _, out, _ = ran(capsys, "trace", TRACE, "--store", str(tmp_path), "--logs")
    assert "WARN  shop" in out


@pytest.mark.parametrize("width", [40, 71, 72])
def test_a_narrow_terminal_shows_all_findings(
    width: int,
    file: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    path = file(spans(parentSpanId="12" * 8), log(1, "x"), point())
    code, out, err = ran(capsys, "doctor", path)
    assert (code, err) == (1, "")
    assert "Incomplete traces" in out
    assert ("language" in out.split("Examined")[0]) == (width == 72)
    assert max(map(cell_len, out.splitlines())) <= width


def test_a_clock_that_is_wrong_does_not_choose_what_is_examined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    future = 2**63 - 10
    wrong = spans(traceId="ab" * 16, startTimeUnixNano=future, endTimeUnixNano=future)

    def examined(*exports: dict[str, Any]) -> tuple[int, int]:
        with Store(
            tmp_path, decode=lambda *_: None, retention=Retention(max_bytes=10**9), on_problem=print
        ) as store:
            for export in exports:
                data = json.dumps(export).encode()
                store.append(0, data, otlp_json.decode(data, signal=SPANS).table)
        _, out, _ = ran(capsys, "doctor", "--store", str(tmp_path), "--json")
        found = json.loads(out)["examined"]
        return found["traces"], found["start_ns"]

    assert examined(wrong) == (1, future)
    assert examined(spans()) == (1, START)


def test_a_window_is_for_a_store(
    file: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = ran(capsys, "doctor", file(spans()), "--last", "5m")
    assert code == 2
    assert "files are examined whole" in err


def test_trace_with_logs(file: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    path = file(
        spans(),
        log(2_500_000, "later " + "x" * 900),
        log(
            1_000_000,
            "two\nlines",
            severityNumber=9,
            attributes=[{"key": "rpc.method", "value": {"stringValue": "PlaceOrder"}}],
        ),
        log(0, "another trace's", traceId="ab" * 16),
    )
    code, out, _ = ran(capsys, "trace", TRACE, "--logs", path)  # a path behind an option
    assert code == 0
    assert out.index("+1.000 ms INFO  shop") < out.index("+2.500 ms WARN  shop")
    assert "two\\nlines rpc.method=PlaceOrder" in out
    assert "another trace" not in out
    assert max(map(len, out.splitlines())) <= 80
    _, out, _ = ran(capsys, "trace", TRACE, path)
    assert "later" not in out


def test_trace_with_hostile_logs_in_a_narrow_terminal(
    file: Callable[..., str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    path = file(
        spans(), log(0, HOSTILE), log(1, "", severityNumber=0, severityText=HOSTILE + "日本語")
    )
    code, out, _ = ran(capsys, "trace", TRACE, "--logs", path)
    assert code == 0
    assert max(map(cell_len, out.splitlines())) <= 40
    assert not {c for c in out if c != "\n" and not c.isprintable()}
    assert "\\x1b]0;owned" in out


def test_trace_with_logs_as_json(
    file: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    attributes = [
        {"key": "n", "value": {"doubleValue": "NaN"}},
        {"key": "i", "value": {"arrayValue": {"values": [{"doubleValue": "-Infinity"}]}}},
    ]
    path = file(spans(), log(1, "hello", attributes=attributes))
    _, out, _ = ran(capsys, "trace", TRACE, path, "--logs", "--json")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    (record,) = json.loads(out, parse_constant=refuse)["logs"]
    assert (record["body"], record["span_id"]) == ("hello", ROOT)
    assert record["attributes"] == {"n": "NaN", "i": ["-Infinity"]}
    _, out, _ = ran(capsys, "trace", TRACE, path, "--json")
    assert "logs" not in json.loads(out)


def test_a_trace_without_logs(file: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = ran(capsys, "trace", TRACE, file(spans()), "--logs")
    assert "No log record carries this trace's id." in out


def test_report_says_what_else_there_is(
    file: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(spans(), log(1, "a"), log(2, "b", timeUnixNano=0), point())
    code, out, _ = ran(capsys, "report", path)
    assert code == 0
    assert "Beside the spans: 1 log record (1 invalid) and 1 data point." in " ".join(out.split())


def test_unknown_options_are_still_errors(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["report", "--nope"], ["serve", "extra"]):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 2
        assert "unrecognized arguments" in capsys.readouterr().err
