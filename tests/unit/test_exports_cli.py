"""`--format` and `--output` of `hopwatch report` and `hopwatch trace`."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from hopwatch.cli import main
from hopwatch.cli.output import quantile
from hopwatch.errors import UsageError
from tests.spans_dsl import trace_id
from tests.unit.test_cli_report import run, shop

__all__ = ["shop"]  # the fixture

FORMATS = ("table", "json", "csv", "parquet", "folded", "speedscope", "perfetto")


@pytest.mark.parametrize("format_", FORMATS)
def test_a_report_is_the_same_in_a_file_and_on_standard_output(
    shop: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], format_: str
) -> None:
    target = tmp_path / "out"
    assert main(["report", str(shop), "--format", format_, "--output", str(target)]) == 0
    assert capfdbinary.readouterr().out == b""
    assert main(["report", str(shop), "--format", format_]) == 0
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == target.read_bytes() != b""
    assert set(os.listdir(tmp_path)) == {shop.name, "out"}


@pytest.mark.parametrize("format_", [f for f in FORMATS if f != "parquet"])
def test_a_trace_is_written(shop: Path, tmp_path: Path, format_: str) -> None:
    target = tmp_path / "out"
    words = ["trace", trace_id("0").hex(), str(shop), "--format", format_]
    assert main([*words, "--output", str(target)]) == 0
    assert target.stat().st_size > 0


def test_json_is_short_for_the_format(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "report", shop, "--json") == run(capsys, "report", shop, "--format", "json")
    with pytest.raises(SystemExit) as exited:
        main(["report", str(shop), "--json", "--format", "csv"])
    assert exited.value.code == 2


def test_all_formats_tell_of_the_same_time(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def out(format_: str, *more: str) -> str:
        code, text, _ = run(capsys, "report", shop, "--format", format_, *more)
        assert code == 0
        return text

    total = json.loads(out("json"))["total_ns"]
    assert total == 3 * 20_000_000
    rows = list(csv.DictReader(io.StringIO(out("csv"))))
    assert sum(int(row["blamed_ns"]) for row in rows) == total
    lines = [line.rpartition(" ") for line in out("folded").splitlines()]
    assert sum(int(ns) for *_, ns in lines) * 3 == total
    assert json.loads(out("speedscope"))["profiles"][0]["endValue"] * 3 == total
    assert json.loads(out("speedscope"))["name"] == "mean of 3 requests"


def test_the_filters_hold_for_every_format(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "ledger.parquet"
    words = ["report", str(shop), "--route", "GET /b", "--format", "parquet"]
    assert main([*words, "--output", str(target)]) == 0
    assert set(parquet.read_table(target)["route"].to_pylist()) == {"GET /b"}


def test_a_percentile_of_too_few_requests_is_refused(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    code, out, err = run(
        capsys, "report", shop, "--format", "folded", "--at", "p99", "--output", target
    )
    assert (code, out) == (2, "")
    assert "p99 by hop needs 20,000 requests, and there are 3" in err
    assert not target.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--at", "p99"], "--at is for --format folded and speedscope"),
        (["--format", "folded", "--at", "99"], "neither mean nor a percentile"),
        (["--format", "folded", "--at", "p0"], "neither mean nor a percentile"),
        (["--format", "folded", "--at", "p100"], "neither mean nor a percentile"),
        (["--format", "csv", "--per-trace"], "--per-trace gives lines of text or JSON"),
        (["--format", "folded", "--route", "none"], "no requests here"),
        (["--format", "perfetto", "--route", "none"], "nothing to draw"),
        (["--format", "csv", "--output", "/no/such/folder/x"], "cannot write /no/such/folder/x"),
        (["--format", "csv", "--output", "."], "cannot write"),
    ],
)
def test_what_cannot_be_done_is_said(
    shop: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    code, out, err = run(capsys, "report", shop, *words)
    assert (code, out) == (2, "")
    assert said in err


def test_log_records_have_no_place_in_other_formats(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "trace", trace_id("0").hex(), shop, "--logs", "--format", "csv")
    assert code == 2
    assert "no place for log records" in err


def test_binary_is_not_written_to_a_terminal(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for format_ in ("parquet", "perfetto"):
        code, out, err = run(capsys, "report", shop, "--format", format_)
        assert (code, out) == (2, "")
        assert "add --output FILE" in err


def test_what_a_check_says_goes_to_standard_error(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "report", shop, "--format", "folded", "--fail-if", "mean>1ms")
    assert code == 1
    assert "mean" in err
    assert all(line.rpartition(" ")[2].isdecimal() for line in out.splitlines())


def test_a_file_is_replaced_as_a_whole_and_a_device_is_written_to(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, link = tmp_path / "out", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    code, *_ = run(capsys, "report", shop, "--route", "[", "--format", "folded", "--output", link)
    assert (code, target.read_text()) == (2, "old")
    assert run(capsys, "report", shop, "--format", "folded", "--output", link)[0] == 0
    assert link.is_symlink()
    assert target.read_text() != "old"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert run(capsys, "report", shop, "--format", "folded", "--output", pipe)[0] == 0
    assert os.read(reader, 1 << 16).decode() == target.read_text()
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    ("text", "q"), [("mean", None), ("p50", 0.5), ("p99.9", 0.999), ("p5", 0.05)]
)
def test_points(text: str, q: float | None) -> None:
    assert quantile(text) == q


@pytest.mark.parametrize("text", ["", "p", "p100", "p0", "p0.0", "P99", "p-1", "pnan", "99"])
def test_no_points(text: str) -> None:
    with pytest.raises(UsageError, match="--at"):
        quantile(text)
