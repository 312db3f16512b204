"""Who called whom, in which language: the traces of real requests and a real page visit."""

import time

import pytest

from hopwatch import store
from hopwatch.attribution import Attribution
from tests.running_stack import RunningStack

# Traces of shop-load or shop-web that began after `began`: pages of earlier tests may have been
# torn down with the browser, before they could send all of their spans.
TRACES_OF = """trace_id IN (
    SELECT trace_id FROM spans GROUP BY trace_id
    HAVING min(start_time_unix_nano) >= {began} AND bool_or(service_name = '{service}'))
"""
EDGES = """
SELECT DISTINCT parent.service_name, parent.telemetry_sdk_language,
    child.service_name, child.telemetry_sdk_language
FROM spans child JOIN spans parent
    ON child.trace_id = parent.trace_id AND child.parent_span_id = parent.span_id
WHERE child.service_name <> parent.service_name AND child.{where}
ORDER BY ALL
"""
RESOURCE_KEYS = {
    "service.name", "service.version", "service.instance.id",
    "telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version",
}  # fmt: skip
HOST_KEYS = {"host.name", "process.pid", "process.runtime.name", "process.runtime.version"}


@pytest.fixture(scope="module")
def began() -> int:
    """When the load and the visit of this module began, ns since 1970."""
    return time.time_ns()


@pytest.fixture(scope="module")
def loaded(stack: RunningStack, began: int) -> RunningStack:
    result = stack.load(rate=10, seconds=4)
    assert result.requests is not None
    assert result.requests.errors == {}
    assert result.requests.lost_spans == 0
    return stack


@pytest.fixture(scope="module")
def visited(stack: RunningStack, chromium_path: object, began: int) -> RunningStack:
    result = stack.load(rate=0, seconds=1, visits=1)
    assert result.visits is not None
    assert result.visits.errors == {}
    return stack


def test_load_calls_the_bff_and_the_bff_calls_orders(loaded: RunningStack, began: int) -> None:
    traces = TRACES_OF.format(service="shop-load", began=began)
    assert loaded.sql(EDGES.format(where=traces)) == [
        ("shop-bff", "nodejs", "shop-orders", "go"),
        ("shop-load", "python", "shop-bff", "nodejs"),
    ]


def test_page_visit_is_one_trace_from_click_to_sql(visited: RunningStack, began: int) -> None:
    traces = TRACES_OF.format(service="shop-web", began=began)
    assert visited.sql(EDGES.format(where=traces)) == [
        ("shop-bff", "nodejs", "shop-orders", "go"),
        ("shop-web", "webjs", "shop-bff", "nodejs"),
    ]


def test_ledger_of_a_click_has_three_languages_and_the_database(visited: RunningStack) -> None:
    with store.open_reader(visited.store) as reader:
        spans = reader.window(0, 2**63 - 1)
    clicks = [u for u in Attribution(spans).requests() if u.route == "click place order"]
    assert clicks
    for click in clicks:
        cells = click.cells()
        assert sum(cells.values()) == click.duration
        assert click.trace.fragments == []
        assert {(c.hop, c.language) for c in cells if c.kind == "self"} == {
            ("shop-web", "webjs"), ("shop-bff", "nodejs"), ("shop-orders", "go"),
        }  # fmt: skip
        assert {c.hop for c in cells if c.kind == "db"} == {"postgresql/shop"}
        assert {c.hop for c in cells if c.kind == "gap"} == {
            "shop-web -> shop-bff", "shop-bff -> shop-orders",
        }  # fmt: skip


def test_every_trace_of_the_load_adds_up(loaded: RunningStack) -> None:
    with store.open_reader(loaded.store) as reader:
        spans = reader.window(0, 2**63 - 1)
    units = list(Attribution(spans).requests())
    assert len(units) >= 40
    for unit in units:
        assert sum(unit.cells().values()) == unit.duration


def test_every_order_ends_in_the_database(loaded: RunningStack) -> None:
    orders = "name = 'POST /api/orders' AND service_name = 'shop-load'"
    reached = """
        SELECT count(*) FROM (
            SELECT trace_id FROM spans
            WHERE span_attributes['db.system.name'] = 'postgresql'
                AND name LIKE 'INSERT%' AND trace_id IN (SELECT trace_id FROM spans WHERE {})
            GROUP BY trace_id)
    """
    placed = loaded.sql(f"SELECT count(*) FROM spans WHERE {orders}")
    assert placed == loaded.sql(reached.format(orders))
    assert placed[0][0] > 0


@pytest.mark.parametrize("service", ["shop-load", "shop-web"])
def test_no_span_is_an_orphan(
    loaded: RunningStack, visited: RunningStack, began: int, service: str
) -> None:
    orphans = loaded.sql(f"""
        SELECT service_name, name, count(*) FROM spans child
        WHERE {TRACES_OF.format(service=service, began=began)}
            AND parent_span_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM spans parent WHERE parent.trace_id = child.trace_id
                    AND parent.span_id = child.parent_span_id)
        GROUP BY ALL
    """)
    assert orphans == []


def test_page_of_products_is_joined_from_parallel_calls(loaded: RunningStack) -> None:
    overlapping = loaded.sql("""
        SELECT count(DISTINCT a.trace_id) FROM spans a JOIN spans b
            ON a.trace_id = b.trace_id AND a.span_id < b.span_id
            AND a.start_time_unix_nano < b.start_time_unix_nano + b.duration_nano
            AND b.start_time_unix_nano < a.start_time_unix_nano + a.duration_nano
        WHERE a.service_name = 'shop-bff' AND b.service_name = 'shop-bff'
            AND a.kind = 'CLIENT' AND b.kind = 'CLIENT' AND a.trace_id IN (
                SELECT trace_id FROM spans
                WHERE service_name = 'shop-load' AND name = 'GET /api/products')
    """)
    pages = loaded.sql(
        "SELECT count(*) FROM spans WHERE service_name = 'shop-load' AND name = 'GET /api/products'"
    )
    assert overlapping == pages


@pytest.mark.parametrize("service", ["shop-load", "shop-bff", "shop-orders"])
def test_services_say_who_and_where_they_are(loaded: RunningStack, service: str) -> None:
    [(keys,)] = loaded.sql(
        "SELECT DISTINCT list_sort(map_keys(resource_attributes)) FROM spans "
        f"WHERE service_name = '{service}'"
    )
    assert set(keys) >= RESOURCE_KEYS | HOST_KEYS


def test_browser_says_who_it_is(visited: RunningStack) -> None:
    rows = visited.sql(
        "SELECT DISTINCT map_keys(resource_attributes) FROM spans WHERE service_name = 'shop-web'"
    )
    for (keys,) in rows:
        assert set(keys) >= RESOURCE_KEYS | {"user_agent.original"}
