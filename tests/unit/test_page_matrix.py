"""The page Matrix: a run as its file says it, the opinions beside it, and what it says without."""

import json
import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from hopwatch.errors import InputError
from hopwatch_dashboards.markup import matrix as matrix_markup
from hopwatch_dashboards.views import matrix as view
from tests.dashboard_data import HOSTILE
from tests.unit.test_dashboard_pages import Page, messages
from tests.unit.test_stack_matrix import made

VALUES: dict[str, list[float]] = {
    "go-grpc": [1.0, 1.1, 1.2],
    "node-grpc": [2.0, 2.2, 2.4],
    "python-grpc": [2.1, 2.3, 2.5],
    "go-rest": [7.0, 7.1, 7.2],
}


def script() -> None:
    """The page by itself. It has no use for a source of traces."""
    from hopwatch_dashboards.pages import matrix

    matrix.render(None)  # type: ignore[arg-type]


def opened() -> AppTest:
    app = AppTest.from_function(script).run(timeout=60)
    assert not app.exception
    return app


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "matrix.json"
    made(VALUES, ended_at="2026-01-01T00:10:00+00:00").write(path)
    monkeypatch.setenv("HOPWATCH_DASHBOARD_MATRIX", str(path))
    return path


def test_rows_opinions_and_limits_are_shown(result: Path) -> None:
    text = Page(opened()).text
    assert "In 1 of 1 rows one is ahead of all others beyond chance: go in 1." in text
    assert "2.19 (" not in text
    assert "2.19" in text
    assert "2 to 3" in text
    # An opinion that was put to the test has figures, by gRPC; others say why not.
    assert "The load, Postgres and the service share one machine" in text
    assert "a matter of places and years" in text.lower()
    assert "a/library v1" in text


def test_figures_beside_an_opinion_are_by_grpc_the_best_first(result: Path) -> None:
    matrix = view.read(result)
    opinion = view.Opinion("latency", "", "", "", ("latency_p50", "absent"))
    [said] = view.found_of(opinion, matrix)
    assert said == "Latency p50 at the fixed rate, ms: go 1.1, node 2.19 ~ python 2.29."


def test_bars_are_parts_of_the_widest_interval_of_the_row(result: Path) -> None:
    row = view.read(result).row("latency_p50")
    assert row is not None
    extents = [view.extent(cell, row) for cell in row.cells]
    assert max(begin + part for begin, part, _ in extents) == pytest.approx(1)
    assert all(0 <= begin <= at <= begin + part for begin, part, at in extents)


def test_what_makes_it_less_is_said(result: Path) -> None:
    made(VALUES, lost=["turn 1 of go-grpc: it died"]).write(result)
    text = Page(opened()).text
    assert "Not complete: 12 turns" in text
    assert "Lost: turn 1 of go-grpc: it died" in text


def test_what_a_file_says_is_shown_and_not_obeyed(result: Path) -> None:
    found = json.loads(result.read_text())
    for number, hostile in enumerate(HOSTILE):
        row = found["rows"][0]
        row["cells"][hostile] = dict(next(iter(row["cells"].values())))
        found["rows"].append({**row, "name": f"{number}", "title": hostile, "group": hostile})
        found["limits"].append(hostile)
        found["implementations"][hostile] = {
            "language": hostile, "runtime": hostile, "libraries": {hostile: hostile},
        }  # fmt: skip
    result.write_text(json.dumps(found))
    assert "window.hit" in Page(opened()).text


def test_without_a_file_it_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPWATCH_STACK_STATE", str(tmp_path))
    app = opened()
    assert app.code[0].value == "hopwatch-stack matrix"
    folder = tmp_path / "matrix"
    for age, name in ((20, "first"), (10, "second")):
        path = folder / f"{name}.json"
        made({name: [1.0, 2.0]}).write(path)
        os.utime(path, (1e9 - age, 1e9 - age))
    text = Page(opened()).text
    assert "second" in text
    assert "first" not in text


def damaged(path: Path) -> list[str]:
    """Texts of a whole result in which one thing is not what it should be."""
    whole = json.loads(path.read_text())
    texts = [path.read_text()[: len(path.read_text()) // 2], "[" * 100_000]
    for name in whole:
        for wrong in (None, 7, "x", [7], {"x": 7}):
            texts.append(json.dumps(whole | {name: wrong}))
    cell = '"n": 3'
    texts += [path.read_text().replace(cell, f'"n": {wrong}') for wrong in ("1e999", "null", '"x"')]
    return texts


def test_a_damaged_file_is_refused_or_shown_in_part(result: Path) -> None:
    said = []
    for text in damaged(result):
        result.write_text(text)
        try:
            matrix_markup.head(view.read(result))
        except InputError as error:
            said.append(str(error))
    assert len(said) > 20
    assert all("matrix.json" in text for text in said)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": "hopwatch.ledger/1"}', '{"schema": "hopwatch.matrix/1"}']
)
def test_what_is_no_matrix_is_refused(result: Path, text: str) -> None:
    result.write_text(text)
    with pytest.raises(InputError, match=r"matrix\.json"):
        view.read(result)
    assert "matrix" in messages(opened())
