"""Simulated spans in files and sent: what is read back is what was simulated."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import hopwatch
from hopwatch.cli import main
from hopwatch.errors import InputError
from hopwatch.formats import otlp_protobuf
from hopwatch.formats.compression import decompress
from hopwatch.simulation import Simulation, Truth, output, shipped, simulate

NAMES = ["x.jsonl", "x.jsonl.gz", "x.json.zst", "x.binpb", "x.pb.gz", "x.binpb.zst", "x.parquet"]


def _run(*words: object) -> int:
    return main(["simulate", *map(str, words)])


def _sorted(table: pa.Table) -> list[dict[str, object]]:
    rows = table.to_pylist()
    for row in rows:
        for name, value in list(row.items()):
            # Null and empty are one in OTLP, as are no flags.
            if value in (None, "", [], 0) and name != "duration_nano":
                row[name] = None
        for link in row["links"] or ():
            link.update(trace_state="", attributes=[], attribute_types="", flags=0)
    return sorted(rows, key=repr)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_holds_what_was_simulated(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    assert _run("odd", "--requests", 200, "--seed", 3, "--out", path) == 0
    assert _sorted(hopwatch.read(path)) == _sorted(simulate("odd", 3, 200).table)
    first = path.read_bytes()
    assert _run("odd", "--requests", 200, "--seed", 3, "--out", path) == 0
    assert path.read_bytes() == first
    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_a_folder_is_filled_with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_FILE_SPANS", 400)
    assert _run("shop", "--requests", 100, "--out", tmp_path) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"spans-{number:05}.parquet" for number in range(3)
    ]
    assert hopwatch.read(tmp_path).num_rows == simulate("shop", 1, 100).table.num_rows
    assert _run("shop", "--requests", 10, "--out", tmp_path) == 2


def test_how_spans_come_in_changes_no_byte(tmp_path: Path) -> None:
    simulation = Simulation(shipped.load("shop"), 1, 300)
    whole = list(simulation.received())
    for name in ("x.jsonl", "x.parquet"):
        parts = [np.concatenate(whole)[i : i + 7] for i in range(0, len(np.concatenate(whole)), 7)]
        for number, received in enumerate((whole, parts)):
            output.write(tmp_path / f"{number}{name}", simulation.contents, received, print)
        assert (tmp_path / f"0{name}").read_bytes() == (tmp_path / f"1{name}").read_bytes()


def test_the_truth_stands_beside(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    assert _run("chain", "--requests", 50, "--out", tmp_path / "x.jsonl", "--truth", truth) == 0
    found = Truth.from_json(truth.read_text())
    assert found.scenario == "chain"
    assert found.total_ns() == hopwatch.attribute(hopwatch.read(tmp_path / "x.jsonl")).total_ns


def test_what_is_interrupted_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Iterator[object]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(Simulation, "received", interrupted)
    for name in ("x.jsonl", "x.parquet"):
        assert _run("shop", "--out", tmp_path / name) == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], "name a scenario, chain"),
        (["nothing", "--out", "x.jsonl"], "no scenario 'nothing'"),
        (["shop"], "where to"),
        (["shop", "--out", "x.csv"], "a file that ends in .jsonl"),
        (["shop", "--out", "x.parquet.gz"], "a file that ends in"),
        (["shop", "--out", "/none/x.jsonl"], "cannot be written"),
        (["shop", "--out", "/none/x.parquet"], "cannot be written"),
        (["shop", "--out", "x.jsonl", "--requests", "0"], "give 1 or more"),
        (["shop", "--out", "x.jsonl", "--seed", "-1"], "seed -1"),
        (["shop", "--out", "x.jsonl", "--start", "soon"], "--start: 'soon' is no time"),
        (["shop", "--send", "127.0.0.1:4319"], "is no URL"),
        (["shop", "--send", "http://127.0.0.1:1", "--requests", "5"], "refused"),
        (["none.toml", "--out", "x.jsonl"], "none.toml: cannot be read"),
    ],
)
def test_errors_say_what_to_do(
    words: list[str],
    wanted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(*words) == 2
    assert wanted in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_scenarios_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--list") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == shipped.names()
    assert _run("chain", "--show") == 0
    assert capsys.readouterr().out == shipped.text("chain")


@pytest.mark.parametrize("answers", [[200], [503, 200]])
def test_what_is_sent_arrives(answers: list[int]) -> None:
    bodies = []

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = answers[min(len(bodies), len(answers) - 1)]
            bodies.append(body if status == 200 else b"")
            assert self.path == "/v1/traces"
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Retry-After", "0.01")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert _run("shop", "--requests", 100, "--send", url) == 0
        server.shutdown()
    tables = [
        otlp_protobuf.decode(decompress(body, "gzip", 1 << 24)).table for body in bodies if body
    ]
    assert _sorted(pa.concat_tables(tables, promote_options="permissive")) == _sorted(
        simulate("shop", 1, 100).table
    )


def test_a_receiver_that_refuses_is_quoted() -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_error(400, "no spans today")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        simulation = Simulation(shipped.load("shop"), 1, 10)
        with pytest.raises(InputError, match="answers 400"):
            output.send(
                f"http://127.0.0.1:{server.server_port}/v1/traces",
                simulation.contents, simulation.received(), print,
            )  # fmt: skip
        server.shutdown()
