"""The Traces page, run by Streamlit's AppTest: what it shows of good, bad and missing data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from tests.spans_dsl import MS, span, span_id, table, trace_id

HOSTILE = "<script>alert(1)</script> **bold** [x](javascript:1) :red[y] \u202egnp " + "long" * 2500

ROWS = (
    span("page", 0, 30 * MS, service="web", language="webjs", kind="SERVER"),
    span("call", 1 * MS, 29 * MS, "page", service="web", language="webjs", kind="CLIENT"),
    span("serve", 3 * MS, 28 * MS, "call", service="bff", language="nodejs", kind="SERVER",
         **{"hopwatch.lab.name": "slow-sql"}),
    span("bad", 100 * MS, 109 * MS, trace="bad", service=HOSTILE, span_name=HOSTILE,
         status="ERROR", key=HOSTILE),
    span("lost", 200 * MS, 209 * MS, "nowhere", trace="lost", service="bff"),
)  # fmt: skip
TIMEOUT_S = 60

Open = Callable[..., AppTest]


def page() -> None:
    from hopwatch_dashboards import states
    from hopwatch_dashboards.pages import traces
    from hopwatch_dashboards.source import from_environment

    states.guarded(traces.render, from_environment())


@pytest.fixture
def open_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens the page over a file of the rows, with query parameters."""

    def opened(*rows: dict[str, Any], **parameters: str) -> AppTest:
        path = tmp_path / "traces.parquet"
        pq.write_table(table(*(rows or ROWS)), path)
        monkeypatch.setenv("HOPWATCH_DASHBOARD_PATHS", f'["{path}"]')
        app = AppTest.from_function(page, default_timeout=TIMEOUT_S)
        for key, value in parameters.items():
            app.query_params[key] = value
        app.run()
        assert not app.exception
        return app

    return opened


def html(app: AppTest) -> str:
    """All markup on the page."""
    return "".join(
        element.proto.json for element in app.get("bidi_component") if element.proto.json
    )


def texts(app: AppTest) -> str:
    shown = [*app.title, *app.markdown, *app.caption, *app.info, *app.error, *app.subheader]
    return "\n".join(str(element.value) for element in shown)


def test_all_traces_are_listed_with_links(open_page: Open) -> None:
    app = open_page()
    assert "3 traces." in texts(app).replace("\\", "")
    for name in ("t", "bad", "lost"):
        assert f"trace={trace_id(name).hex()}" in html(app)


def test_the_url_holds_what_is_asked(open_page: Open) -> None:
    app = open_page(status="failed")
    assert trace_id("bad").hex() in html(app)
    assert trace_id().hex() not in html(app)


def test_nothing_found_says_what_to_do(open_page: Open) -> None:
    app = open_page(service="nobody")
    assert "No trace fits" in texts(app)
    app.button[-1].click().run()
    assert not app.exception
    assert trace_id().hex() in html(app)


def test_attributes_that_cannot_be_read_are_an_error_with_an_example(open_page: Open) -> None:
    app = open_page(**{"with": "nonsense"})
    assert "write key" in texts(app)


def test_a_trace_is_shown_by_its_id(open_page: Open) -> None:
    app = open_page(trace=trace_id().hex())
    assert app.title[0].value == "page"
    assert "3 spans of 2 services" in html(app)
    assert "sum = duration" in html(app)
    assert "30,000,000" in html(app)


def test_the_beginning_of_an_id_is_enough(open_page: Open) -> None:
    assert open_page(trace=trace_id().hex()[:6]).title[0].value == "page"


def test_a_span_can_be_linked_to_and_labs_stay_hidden(open_page: Open) -> None:
    app = open_page(trace=trace_id().hex(), span=span_id("serve").hex())
    assert "SERVER" in html(app)
    assert "slow-sql" not in html(app)
    assert "give the answer away" in html(app)
    revealed = open_page(trace=trace_id().hex(), span=span_id("serve").hex(), reveal="1")
    assert "slow-sql" in html(revealed)


@pytest.mark.parametrize("unknown", ["f" * 32, "ffff"])
def test_an_unknown_id_says_what_to_do(open_page: Open, unknown: str) -> None:
    app = open_page(trace=unknown)
    assert "No such trace" in app.title[0].value
    assert "keeps" in texts(app)
    assert [button.label for button in app.button] == ["All traces"]


@pytest.mark.parametrize("wrong", ["<script>", "zz", "0" * 33])
def test_what_is_no_id_is_said_to_be_none(open_page: Open, wrong: str) -> None:
    assert "is no trace id" in texts(open_page(trace=wrong)).replace("\\", "")


def test_hostile_names_are_text(open_page: Open) -> None:
    app = open_page(trace=trace_id("bad").hex(), span=span_id("bad").hex())
    everything = html(app) + texts(app)
    assert "<script>" not in everything.replace("\\<script", "")
    assert "\u202e" not in everything
    assert "**bold**" not in texts(app)
    assert len(app.title[0].value) < 2000


def test_a_fragment_is_shown_as_what_it_is(open_page: Open) -> None:
    assert "no end\\-to\\-end time" in texts(open_page(trace=trace_id("lost").hex()))
