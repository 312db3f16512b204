"""The page Compare, run by Streamlit's AppTest: any two sides, and what it says where there is
nothing to compare."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from hopwatch.comparison import baselines
from hopwatch_dashboards.source import AGAINST_VARIABLE
from tests.dashboard_data import HOSTILE, MS, SECOND, ledger_of, request, spans_of
from tests.unit.test_dashboard_pages import (
    Open,
    Page,
    charts_are_valid,
    dashboard,
    messages,
    stored,
    written,
)

__all__ = ["charts_are_valid", "dashboard"]

COUNT = 440
BEFORE = [request(i, i * SECOND // 8, back=(3 + i % 5) * MS, database=2 * MS) for i in range(COUNT)]
AFTER = [
    request(i + COUNT, (i + COUNT) * SECOND // 8, back=(9 + i % 5) * MS, database=2 * MS)
    for i in range(COUNT)
]


@pytest.fixture
def both(tmp_path: Path) -> Path:
    return written(tmp_path, spans_of(*BEFORE, *AFTER))


def test_the_halves_of_a_file_are_compared(dashboard: Open, both: Path) -> None:
    page = Page(dashboard(both, page="compare"))
    assert "Slower" in page.text
    assert "The mean request took 7.0" in page.text
    assert "What changed most is back: +6.00 ms a request" in page.text
    assert "What else changed between the two windows" in page.text
    assert "p95 needs 4,000 requests on each side" in page.text
    assert "New hops: none." in page.text


def test_a_pair_of_traces_leads_to_both_beside_each_other(dashboard: Open, both: Path) -> None:
    page = Page(dashboard(both, page="compare"))
    asked = next(parse_qs(urlsplit(link).query) for link in page.links if "one=" in link)
    app = dashboard(both, page="compare", one=asked["one"][0], other=asked["other"][0])
    assert "end to end, " in Page(app).text
    # Whoever mixes the sides up is told so.
    app = dashboard(both, page="compare", one=asked["other"][0], other=asked["one"][0])
    assert "is not of the requests before" in " ".join(w.value for w in app.warning)
    app = dashboard(both, page="compare", one="<b>", other="0")
    assert app.warning


def test_steps_by_language_and_paths_at_a_percentile(dashboard: Open, both: Path) -> None:
    app = dashboard(both, page="compare", bridge="language", at="p50")
    assert len(app.get("vega_lite_chart")) == 3
    assert "requests at p50" in messages(app).replace("\\", "").casefold()


def test_a_file_against_another(
    dashboard: Open, both: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "before").mkdir()
    earlier = written(tmp_path / "before", spans_of(*(request(i, i * SECOND) for i in range(30))))
    monkeypatch.setenv(AGAINST_VARIABLE, json.dumps([str(earlier)]))
    page = Page(dashboard(both, page="compare"))
    assert "30 requests" in page.text
    assert "880 requests" in page.text
    assert "Not enough data for intervals" in page.text
    # The page of traces shows those of the dashboard's own source alone.
    traces = {parse_qs(urlsplit(link).query)["trace"][0] for link in page.links if "trace=" in link}
    assert traces <= {trace.hex() for trace in spans_of(*BEFORE, *AFTER)["trace_id"].to_pylist()}


def test_a_baseline_carried_here_as_a_file(
    dashboard: Open, both: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / f"<b>main{baselines.SUFFIX}"
    baselines.save(file, ledger_of(*BEFORE[:40]), "last week", 1)
    monkeypatch.setenv(AGAINST_VARIABLE, json.dumps([str(file)]))
    page = Page(dashboard(both, page="compare"))
    assert "before: baseline <b>main of last week" in page.text
    assert "40 requests" in page.text
    file.write_bytes(file.read_bytes()[:-200])
    assert "no sound baseline" in messages(dashboard(both, page="compare"))


def test_two_values_of_an_attribute(dashboard: Open, tmp_path: Path) -> None:
    sides = ((BEFORE, "1"), (AFTER, "2"))
    path = written(
        tmp_path, spans_of(*(version(one, said) for side, said in sides for one in side[:30]))
    )
    app = dashboard(path, page="compare", design="attribute")
    assert "service.version = 1" in Page(app).text
    app = dashboard(path, page="compare", design="attribute", before="2", after="1")
    assert "service.version = 2" in Page(app).text
    assert "Faster" in Page(app).text or "Inconclusive" in Page(app).text


def version(spans: list[dict[str, object]], said: str) -> list[dict[str, object]]:
    return [
        {**one, "resource_attributes": [("service.version", said)], "service_version": said}
        for one in spans
    ]


def test_without_two_values_it_says_so(dashboard: Open, both: Path) -> None:
    app = dashboard(both, page="compare", design="attribute")
    assert "No resource attribute has two values" in messages(app)


def test_a_baseline_is_compared_with_what_is_stored(dashboard: Open, tmp_path: Path) -> None:
    store = stored(tmp_path, spans_of(*AFTER[:40]))
    baselines.save(baselines.place(store, "v1"), ledger_of(*BEFORE[:40]), "a test", 1)
    app = dashboard(store=store, page="compare", design="baseline", route="GET /things")
    page = Page(app)
    assert "before: baseline v1 of a test" in page.text
    assert not app.text_input  # nor traces nor call paths: there are none of the baseline
    assert "A baseline keeps sums, not spans" in messages(app)
    traces = {parse_qs(urlsplit(link).query)["trace"][0] for link in page.links if "trace=" in link}
    assert traces
    assert traces <= {trace.hex() for trace in spans_of(*AFTER[:40])["trace_id"].to_pylist()}
    app = dashboard(store=store, page="compare", design="baseline", service="back")
    assert "A baseline does not know" in messages(app)


def test_a_side_without_requests_is_named(dashboard: Open, both: Path) -> None:
    app = dashboard(both, page="compare", design="5m")
    assert "No requests before" in messages(app)
    app = dashboard(both, page="compare", route="nothing is called so")
    assert "No requests before and after" in messages(app)


@pytest.mark.parametrize("key", ["design", "margin", "bridge", "key", "before", "frame", "at"])
def test_words_that_mean_nothing_are_not_obeyed(dashboard: Open, both: Path, key: str) -> None:
    Page(dashboard(both, page="compare", **{key: "<b>"}))


def test_names_and_values_from_spans_are_text(dashboard: Open, tmp_path: Path) -> None:
    spans = [
        version(
            request(i, i * SECOND, front_name=HOSTILE[i % 5], back_name=HOSTILE[i % 4],
                    route=HOSTILE[i % 3], back=(3 + i) * MS),
            text,
        )
        for i, text in enumerate([*HOSTILE] * 4)
    ]  # fmt: skip
    path = written(tmp_path, spans_of(*spans))
    for design in ("attribute", "halves"):
        shown = Page(dashboard(path, page="compare", design=design))
        assert HOSTILE[0] in shown.text
        assert all(link.startswith("/") for link in shown.links)
        assert not any(text in shown.text for text in ("\u202e", "\x1b", "\x00"))
