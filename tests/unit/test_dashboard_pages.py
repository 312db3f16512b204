"""The pages, run by Streamlit's AppTest: what they say, whatever the data is or is not."""

import json
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import hopwatch_dashboards
from hopwatch.attribution import Attribution
from hopwatch.reports.text import plain
from hopwatch.store import Retention, Store
from hopwatch_dashboards import charts, theme
from hopwatch_dashboards.source import PATHS_VARIABLE
from hopwatch_dashboards.views.flame import flame
from tests.dashboard_data import HOSTILE, MS, SECOND, request, spans_of

APP = str(Path(hopwatch_dashboards.__file__).with_name("app.py"))
PAGES = ("", "tail", "flame_graph", "hop", "data_quality")
TAGS = {"p", "dl", "div", "dt", "dd", "small", "a", "span", "bdi", "br", "i", "b", "ol", "li",
        "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}  # fmt: skip
ATTRIBUTES = {"class", "style", "href", "title", "scope", "role", "aria-label"}

Open = Callable[..., AppTest]


class Page(HTMLParser):
    """What our markup on a page is: its text, its links; anything else fails."""

    def __init__(self, app: AppTest) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        for element in app.get("bidi_component"):
            if not element.proto.json:  # a canvas
                continue
            self.feed(json.loads(element.proto.json)["html"])
            self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        assert {name for name, _ in attributes} <= ATTRIBUTES, attributes
        self.links += [value or "" for name, value in attributes if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def dashboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens the dashboard at a page, on files or a store."""

    def opened(*paths: Path, store: Path | None = None, page: str = "", **query: str) -> AppTest:
        st.cache_resource.clear()
        st.cache_data.clear()
        monkeypatch.setenv(PATHS_VARIABLE, json.dumps([str(path) for path in paths]))
        if store is not None:
            monkeypatch.setenv("HOPWATCH_STORE", str(store))
        # AppTest cannot change to a page that is a function: such a page is run by itself.
        app = (
            AppTest.from_function(alone, kwargs={"name": page}) if page else AppTest.from_file(APP)
        )
        for name, value in query.items():
            app.query_params[name] = value
        app.run(timeout=60)
        assert not app.exception
        return app

    yield opened
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture(autouse=True)
def charts_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chart that a page draws is held to Vega-Lite's schema."""
    monkeypatch.setattr(charts._Drawn, "to_dict", lambda drawn: drawn.chart.to_dict())


def alone(name: str) -> None:
    """The script of one page."""
    import importlib

    from hopwatch_dashboards import states
    from hopwatch_dashboards.source import from_environment

    module = importlib.import_module(f"hopwatch_dashboards.pages.{name}")
    states.guarded(module.render, from_environment())


def written(folder: Path, table: pa.Table) -> Path:
    path = folder / "spans.parquet"
    pq.write_table(table, path)
    return path


def stored(folder: Path, *tables: pa.Table) -> Path:
    """A store that holds the tables."""
    path = folder / "store"
    with Store(
        path, decode=lambda *_: pytest.fail("nothing to recover"),
        retention=Retention(), on_problem=pytest.fail,
    ) as store:  # fmt: skip
        for number, rows in enumerate(tables):
            store.append(0, b"%d" % number, rows)
    return path


def some(count: int = 30) -> pa.Table:
    return spans_of(*(request(i, i * SECOND, back=(3 + i % 5) * MS) for i in range(count)))


def messages(app: AppTest) -> str:
    return " ".join(
        element.value for kind in (app.info, app.error, app.caption) for element in kind
    )


def test_it_says_in_words_where_the_time_goes(dashboard: Open, tmp_path: Path) -> None:
    page = Page(dashboard(written(tmp_path, some())))
    assert "own work in back (go) takes the most" in page.text
    assert "sum = end to end" in page.text
    assert "100.0%" in page.text


def test_every_number_leads_to_a_trace_or_a_hop(dashboard: Open, tmp_path: Path) -> None:
    page = Page(dashboard(written(tmp_path, some())))
    traces = {parse_qs(urlsplit(link).query)["trace"][0] for link in page.links if "trace=" in link}
    known = {trace.hex() for trace in some()["trace_id"].to_pylist()}
    assert traces
    assert traces <= known
    hops = {parse_qs(urlsplit(link).query)["name"][0] for link in page.links if "/hop?" in link}
    assert hops == {"front", "back", "postgresql/shop"}


def test_grouping_and_a_percentile_stand_in_the_url(dashboard: Open, tmp_path: Path) -> None:
    app = dashboard(written(tmp_path, some()), at="p50", by="operation")
    page = Page(app)
    assert "p50 by hop needs 400 requests" in messages(app).replace("\\", "")
    assert "slowest 50 %" in page.text
    assert "work" in page.text


def test_a_statistic_that_is_none_is_the_mean(dashboard: Open, tmp_path: Path) -> None:
    assert "the mean of 30 requests" in Page(dashboard(written(tmp_path, some()), at="pnan")).text


def test_a_route_can_be_chosen(dashboard: Open, tmp_path: Path) -> None:
    table = spans_of(request(1), request(2, route="GET /others"), request(3))
    app = dashboard(written(tmp_path, table))
    assert "the mean of 3 requests" in Page(app).text
    app.selectbox(key="route").select("GET /others").run()
    assert "the mean of 1 requests" in Page(app).text


def test_a_service_can_be_chosen(dashboard: Open, tmp_path: Path) -> None:
    table = spans_of(request(1), request(2, back_name="other"), request(3))
    app = dashboard(written(tmp_path, table), service="other")
    assert "the mean of 1 requests" in Page(app).text


def test_a_window_without_data_offers_the_one_that_has_it(dashboard: Open, tmp_path: Path) -> None:
    app = dashboard(written(tmp_path, some()), last="5m")
    assert "No requests here" in messages(app)
    next(b for b in app.button if "everything" in b.label).click().run()
    assert "the mean of 30 requests" in Page(app).text


@pytest.mark.parametrize("page", PAGES)
def test_names_from_spans_are_text(dashboard: Open, tmp_path: Path, page: str) -> None:
    table = spans_of(
        *(
            request(i, i * SECOND, front_name=HOSTILE[i % 5], back_name=HOSTILE[(i + 1) % 5],
                    route=HOSTILE[(i + 2) % 5])
            for i in range(10)
        )
    )  # fmt: skip
    app = dashboard(written(tmp_path, table), page=page)
    shown = Page(app)  # fails on any markup that is not ours
    assert all(link.startswith("/") for link in shown.links)
    assert not any(text in shown.text for text in ("\u202e", "\x1b", "\x00"))
    if page not in ("data_quality", "flame_graph"):  # that one draws them
        assert HOSTILE[0] in shown.text
        assert plain(HOSTILE[3]) in shown.text


def test_the_tail_is_compared_as_far_as_there_are_requests(dashboard: Open, tmp_path: Path) -> None:
    path = written(tmp_path, some(500))
    page = Page(dashboard(path, page="tail"))
    assert "A request at p50" not in page.text  # too few for anything but the median
    assert "the slowest 1 %" in page.text
    app = dashboard(path, page="tail", high="p50", low="slowest", by="operation")
    assert "What p50 spends more on than the slowest 1 %" in [s.value for s in app.subheader]
    assert "p99 needs 20,000" in messages(app).replace("\\", "")
    assert "sum = end to end" in Page(app).text


@pytest.mark.parametrize("word", ["pnan", "slow", "p-1", "<b>"])
@pytest.mark.parametrize("page", ["tail", "flame_graph"])
def test_statistics_that_are_none_are_not_obeyed(
    dashboard: Open, tmp_path: Path, page: str, word: str
) -> None:
    Page(dashboard(written(tmp_path, some()), page=page, high=word, low=word, at=word))


def test_a_flame_graph_opens_at_a_call(dashboard: Open, tmp_path: Path) -> None:
    path = written(tmp_path, some())
    name = flame(Attribution(some()).stacks(), "mean").names[2]
    shown = Page(dashboard(path, page="flame_graph", frame=name))
    assert "own time" in shown.text
    assert any("trace=" in link for link in shown.links)
    assert "All of back" in shown.text
    assert "own time" not in Page(dashboard(path, page="flame_graph", frame="<b>")).text


def test_a_hostile_hop_can_be_linked_to(dashboard: Open, tmp_path: Path) -> None:
    table = spans_of(request(1, back_name=HOSTILE[3]), request(2, back_name=HOSTILE[4]))
    path = written(tmp_path, table)
    for name in HOSTILE[3:]:
        app = dashboard(path, page="hop", name=theme.label(name))
        assert theme.readable(name) + " (go) takes" in Page(app).text


def test_texts_that_read_alike_are_told_apart() -> None:
    assert theme.labels(["\u202e", r"\u202e", "a"]) == {
        r"\u202e": "\u202e", r"\u202e (2)": r"\u202e", "a": "a",
    }  # fmt: skip


def test_no_store_says_how_to_start_one(dashboard: Open, tmp_path: Path) -> None:
    app = dashboard(store=tmp_path / "nowhere")
    assert "There is no store" in messages(app)
    assert "hopwatch serve" in app.code[0].value


def test_an_empty_store_says_how_to_fill_it(dashboard: Open, tmp_path: Path) -> None:
    app = dashboard(store=stored(tmp_path))
    assert "nothing was sent to it yet" in messages(app)


def test_a_file_that_cannot_be_read_is_named(dashboard: Open, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(b"\x00\x01 no traces")
    assert "broken" in messages(dashboard(path))


def test_a_damaged_segment_is_named(dashboard: Open, tmp_path: Path) -> None:
    store = stored(tmp_path, some())
    segment = next((store / "segments").rglob("*.parquet"))
    segment.write_bytes(segment.read_bytes()[:100])
    assert segment.stem in messages(dashboard(store=store, last="all")).replace("\\", "")


def test_markdown_from_spans_means_nothing() -> None:
    assert theme.markdown("**a** [b](c) :d: `e` $f$") == (r"\*\*a\*\* \[b\]\(c\) \:d\: \`e\` \$f\$")
    assert theme.markdown("\u202e") == r"\\u202e"
    assert len(theme.readable("x" * 10_000)) == 200


@pytest.mark.parametrize("background", ["#ffffff", "#10141b"])
def test_colours_can_be_told_from_both_backgrounds(background: str) -> None:
    for colour in (*theme.LANGUAGE_COLOURS.values(), *theme.KIND_COLOURS.values()):
        assert contrast(colour, background) >= 2.9, colour


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_data_quality_says_how_far_to_trust_and_how_clocks_lie(
    dashboard: Open, tmp_path: Path
) -> None:
    lost = some().filter(pc.not_equal(some()["name"], "work"))
    table = spans_of(*(request(i + 100, i * SECOND, back_name=HOSTILE[3]) for i in range(20)))
    path = written(tmp_path, pa.concat_tables([some(), lost.slice(0, 6), table]))
    app = dashboard(path, page="data_quality")
    page = Page(app)
    assert "in the right row as far as spans can tell" in page.text
    assert "Known of 2 of 2 pairs of processes" in page.text
    assert "front front -> back back" in page.text
    assert plain(HOSTILE[3])[:20] in page.text
    assert len(app.get("vega_lite_chart")) == 2
    app.selectbox(key="clock").select("front -> back").run()
    assert len(app.get("vega_lite_chart")) == 1
