"""Queries and transactions over a Postgres that does not always answer."""

import asyncio
import time
from collections.abc import Iterator

import asyncpg
import pytest
from grpc import StatusCode
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shop_orders import calls, labs
from shop_orders.catalog import Catalog
from shop_orders.database import Database, Session, is_duplicate
from shop_orders.gen.hopwatch.shop.v1 import shop_pb2
from shop_orders.refusals import RefusalError
from shop_orders.stock import Stock

POOL_SIZE = 8


@pytest.fixture(scope="session")
def exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    """What is traced within a call of the test's own."""
    exporter.clear()
    with trace.get_tracer("test").start_as_current_span("call"):
        yield exporter


def named(exporter: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name == name]


async def test_query_has_a_span_of_its_own_and_one_of_the_wait(
    database: Database, spans: InMemorySpanExporter
) -> None:
    await Stock(database).levels(["p00001"])
    assert [span.name for span in spans.get_finished_spans()] == [
        "connect",
        "pool.acquire",
        "SELECT stock_levels",
    ]
    attributes = spans.get_finished_spans()[-1].attributes
    assert attributes is not None
    assert attributes["db.query.summary"] == "SELECT stock_levels"
    assert attributes["db.operation.name"] == "SELECT"
    assert "hopwatch.resend_count" not in attributes


async def test_query_is_asked_again_when_its_connection_was_cut(
    database: Database, other: asyncpg.Connection, spans: InMemorySpanExporter
) -> None:
    stock = Stock(database)
    await stock.levels(["p00001"])
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"
    assert await other.fetch(cut, "shop-orders")
    assert await stock.levels(["p00001"]) == {"p00001": 1_000_000}
    [*_, last] = named(spans, "SELECT stock_levels")
    assert last.attributes is not None
    assert last.attributes["hopwatch.resend_count"] == 1


async def test_transaction_that_loses_a_deadlock_runs_again(database: Database) -> None:
    first_locked = [asyncio.Event(), asyncio.Event()]
    runs = [0, 0]

    async def take(mine: int, ids: tuple[str, str]) -> None:
        async def work(session: Session) -> None:
            runs[mine] += 1
            lock = "-- LOCK\nSELECT units FROM stock_levels WHERE product_id = $1 FOR UPDATE"
            await session.fetch(lock, ids[0])
            first_locked[mine].set()
            await first_locked[1 - mine].wait()
            await session.fetch(lock, ids[1])

        await database.transact(work)

    async with asyncio.timeout(20), asyncio.TaskGroup() as both:
        both.create_task(take(0, ("p00001", "p00002")))
        both.create_task(take(1, ("p00002", "p00001")))
    assert sorted(runs) == [1, 2]


async def test_what_a_transaction_wrote_is_gone_when_it_fails(
    database: Database, other: asyncpg.Connection
) -> None:
    async def work(session: Session) -> None:
        await session.fetch("-- UPDATE\nUPDATE stock_levels SET units = 0")
        await session.fetch("-- INSERT\nINSERT INTO categories VALUES ('Kitchen')")

    with pytest.raises(asyncpg.UniqueViolationError) as error:
        await database.transact(work)
    assert is_duplicate(error.value)
    assert await other.fetchval("SELECT max(units) FROM stock_levels") > 0


async def test_who_waits_too_long_for_a_connection_is_told_so(database: Database) -> None:
    sleeps = [
        asyncio.create_task(database.select("-- SELECT sleep\nSELECT pg_sleep(3)"))
        for _ in range(POOL_SIZE)
    ]
    await asyncio.sleep(0.5)
    with pytest.raises(RefusalError, match="all connections to the database are in use") as refusal:
        await database.select("-- SELECT one\nSELECT 1")
    assert refusal.value.code is StatusCode.RESOURCE_EXHAUSTED
    await asyncio.gather(*sleeps)


async def test_deadline_ends_the_statement_and_frees_its_connection(
    database: Database, other: asyncpg.Connection
) -> None:
    async def sleep() -> shop_pb2.Order:
        await database.select("-- SELECT sleep\nSELECT pg_sleep(60)")
        return shop_pb2.Order()

    start = time.monotonic()
    outcomes = await asyncio.gather(
        *(calls.answer("/s/m", sleep, seconds=0.2, obey_labs=False) for _ in range(POOL_SIZE))
    )
    assert {outcome.code for outcome in outcomes} == {StatusCode.DEADLINE_EXCEEDED}
    # All connections were in use: that this is answered says that they are free again.
    assert await database.select("-- SELECT one\nSELECT 1")
    assert time.monotonic() - start < 2
    active = "SELECT FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
    async with asyncio.timeout(10):
        while await other.fetch(  # noqa: ASYNC110 - Postgres tells nobody
            active + " AND datname = current_database()"
        ):
            await asyncio.sleep(0.05)


async def obeyed(key: str, value: str, catalog: Catalog, method: str) -> None:
    token = context.attach(baggage.set_baggage(key, value))
    try:
        await labs.obeyed("shop-orders", method, lambda: catalog.page("", "", 3))
    finally:
        context.detach(token)


async def test_slow_sql_is_slow_inside_postgres_once(
    database: Database, spans: InMemorySpanExporter
) -> None:
    value = "shop-orders/ListProducts:150ms"
    await obeyed("hopwatch.lab.slow-sql", value, Catalog(database), "/c/ListProducts")
    [select] = named(spans, "SELECT products")
    assert select.start_time is not None
    assert select.end_time is not None
    assert select.end_time - select.start_time >= 150_000_000
    attributes = trace.get_current_span().attributes  # type: ignore[attr-defined]
    assert dict(attributes) == {"hopwatch.lab.name": "slow-sql", "hopwatch.lab.delay_ms": 150}


async def test_n_plus_one_asks_for_each_again(
    database: Database, spans: InMemorySpanExporter
) -> None:
    await obeyed("hopwatch.lab.n-plus-one", "shop-orders:2", Catalog(database), "/c/ListProducts")
    assert len(named(spans, "SELECT products")) == 3
    attributes = trace.get_current_span().attributes  # type: ignore[attr-defined]
    assert dict(attributes) == {"hopwatch.lab.name": "n-plus-one", "hopwatch.lab.extra_queries": 2}


@pytest.mark.parametrize(
    "value", ["shop-orders:0ms", "shop-orders:10001ms", "shop-orders:5", "shop orders:5ms", "5ms"]
)
async def test_malformed_lab_is_recorded_and_ignored(
    database: Database, spans: InMemorySpanExporter, value: str
) -> None:
    await obeyed("hopwatch.lab.delay", value, Catalog(database), "/c/ListProducts")
    attributes = trace.get_current_span().attributes  # type: ignore[attr-defined]
    assert dict(attributes) == {
        "hopwatch.lab.error": f'"{value}" is not <service>[/<method>]:<1..10000>ms'
    }


@pytest.mark.parametrize("value", ["shop-bff:50ms", "shop-orders/GetStock:50ms"])
async def test_lab_of_others_is_not_obeyed(
    database: Database, spans: InMemorySpanExporter, value: str
) -> None:
    await obeyed("hopwatch.lab.delay", value, Catalog(database), "/c/ListProducts")
    assert not trace.get_current_span().attributes  # type: ignore[attr-defined]
