import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status as Code, credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { HealthService } from '@hopwatch/shop-shared/health';
import { KIND, type ReceivedSpan } from '@hopwatch/shop-shared/testing';
import {
  ask,
  clients,
  orderOfOnePan,
  startCollector,
  startOrders,
  stop,
  traced,
} from './running-orders';
import { NO_SERVER, newDatabase } from './shop-database';

const [ORDER, SLOW, SINGLE, AGAIN, HEALTH, REFUSED, LATE] = Array.from({ length: 7 }, (_, number) =>
  String(number + 1).padStart(32, '0'),
) as [string, string, string, string, string, string, string];

test('the service is observed', { skip: NO_SERVER }, async (t) => {
  const { collector, url } = await startCollector(t);
  const running = await startOrders(t, await newDatabase(t), {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_RESOURCE_ATTRIBUTES:
      'deployment.environment.name=test,service.name=other,service.instance.id=one',
    SHOP_VERSION: '1.2.3+node',
  });
  const { catalog, stock, orders } = clients(t, running.address);
  const page = { category: 'Bath', pageSize: 0, pageToken: '' };
  const placed = await ask(
    orders,
    orders.placeOrder,
    orderOfOnePan(),
    traced(ORDER, 'hopwatch.lab.delay=shop-orders/PlaceOrder:30ms'),
  );
  const slow = await ask(
    catalog,
    catalog.listProducts,
    page,
    traced(SLOW, 'hopwatch.lab.slow-sql=shop-orders/ListProducts:40ms'),
  );
  const single = await ask(
    stock,
    stock.getStock,
    { productIds: ['p00001', 'p00002', 'p00021'] },
    traced(SINGLE, 'hopwatch.lab.n-plus-one=shop-orders/GetStock:2'),
  );
  await ask(
    catalog,
    catalog.listProducts,
    page,
    traced(AGAIN, 'hopwatch.lab.n-plus-one=shop-orders/ListProducts:5'),
  );
  await assert.rejects(ask(orders, orders.getOrder, { orderId: 'x' }, traced(REFUSED)), {
    code: Code.INVALID_ARGUMENT,
  });
  const late = ask(
    catalog,
    catalog.listCategories,
    {},
    traced(LATE, 'hopwatch.lab.delay=shop-orders:9000ms'),
    200,
  );
  await assert.rejects(late, { code: Code.DEADLINE_EXCEEDED });
  const Health = makeGenericClientConstructor(HealthService, 'grpc.health.v1.Health');
  const health = new Health(running.address, credentials.createInsecure());
  t.after(() => health.close());
  for (const service of ['', 'hopwatch.shop.v1.Orders', 'hopwatch.shop.v1.Catalog']) {
    const asked = ask(health, health['check'] as never, { service }, traced(HEALTH));
    assert.deepEqual(await asked, { status: 1 }, service);
  }
  const unknown = ask(health, health['check'] as never, { service: 'absent' }, traced(HEALTH));
  await assert.rejects(unknown, { code: Code.NOT_FOUND });
  await stop(running);

  const spansOf = (traceId: string): ReceivedSpan[] =>
    collector.spans.filter((span) => span.traceId === traceId);
  const serverOf = (traceId: string): ReceivedSpan => {
    const [server, ...others] = spansOf(traceId).filter((span) => span.kind === KIND.SERVER);
    assert.ok(server && others.length === 0);
    return server;
  };

  await t.test('a call is one trace, which goes on from the caller', () => {
    const spans = spansOf(ORDER);
    const server = serverOf(ORDER);
    assert.equal(server.name, 'hopwatch.shop.v1.Orders/PlaceOrder');
    assert.equal(server.parentSpanId, 'cd'.repeat(8));
    assert.deepEqual(server.attributes, {
      'rpc.system.name': 'grpc',
      'rpc.method': 'hopwatch.shop.v1.Orders/PlaceOrder',
      'rpc.response.status_code': 'OK',
      'server.address': '127.0.0.1',
      'server.port': Number(running.address.split(':')[1]),
      'hopwatch.lab.name': 'delay',
      'hopwatch.lab.delay_ms': 30,
    });
    for (const name of [
      ...['pool.acquire', 'SELECT orders', 'SELECT products', 'SELECT stock_levels', 'BEGIN'],
      ...[
        'INSERT orders',
        'INSERT payments',
        'UPDATE stock_levels',
        'INSERT order_lines',
        'COMMIT',
      ],
    ]) {
      const found = spans.filter((span) => span.name === name);
      assert.ok(found.length > 0, name);
      for (const span of found) {
        assert.equal(span.kind, KIND.CLIENT);
        assert.equal(span.parentSpanId, server.spanId);
        assert.ok(span.startNanos >= server.startNanos && span.endNanos <= server.endNanos, name);
      }
    }
    assert.ok(placed.placedAt);
  });

  await t.test('labs leave answers as they are, and say what they did', () => {
    assert.equal(slow.products.length, 24);
    assert.deepEqual(
      slow.products.map(({ id }) => id),
      slow.products.map(({ id }) => id).sort(),
    );
    const [statement] = spansOf(SLOW).filter((span) => span.name === 'SELECT products');
    assert.ok(statement && statement.endNanos - statement.startNanos >= 40_000_000n);
    assert.deepEqual(single.levels.map(({ units }) => units).at(-1), 5);
    assert.equal(serverOf(SINGLE).attributes['hopwatch.lab.extra_queries'], 2);
    assert.equal(serverOf(AGAIN).attributes['hopwatch.lab.extra_queries'], 5);
    const queries = (traceId: string, name: string): number =>
      spansOf(traceId).filter((span) => span.name === name).length;
    assert.equal(queries(SINGLE, 'SELECT stock_levels'), 3);
    assert.equal(queries(AGAIN, 'SELECT products'), 6);
  });

  await t.test('outcomes are told by their names', () => {
    assert.equal(serverOf(REFUSED).attributes['rpc.response.status_code'], 'INVALID_ARGUMENT');
    assert.equal(serverOf(LATE).attributes['rpc.response.status_code'], 'DEADLINE_EXCEEDED');
  });

  await t.test('health checks are neither traced nor logged', () => {
    assert.deepEqual(spansOf(HEALTH), []);
    assert.ok(collector.logs.every(({ traceId }) => traceId !== HEALTH));
  });

  await t.test('a log line of a call carries its trace, on stdout and by OTLP', () => {
    const { spanId } = serverOf(ORDER);
    const written = running.lines.filter((line) => line['trace_id'] === ORDER);
    const sent = collector.logs.filter((record) => record.traceId === ORDER);
    assert.deepEqual(
      written.map((line) => [line['msg'], line['span_id']]),
      [['call', spanId]],
    );
    assert.deepEqual(
      sent.map((record) => [record.body, record.spanId]),
      [['call', spanId]],
    );
    assert.equal(sent[0]?.attributes['rpc.method'], 'hopwatch.shop.v1.Orders/PlaceOrder');
    assert.ok(!JSON.stringify(running.lines).includes('ann@example.com'));
  });

  await t.test('calls, statements, the pool and the runtime are measured', () => {
    const last = new Map(collector.metrics.map((metric) => [metric.name, metric]));
    const wanted = {
      'rpc.server.call.duration': 's',
      'db.client.operation.duration': 's',
      'db.client.connection.count': '{connection}',
      'db.client.connection.max': '{connection}',
      'db.client.connection.pending_requests': '{request}',
      'db.client.connection.wait_time': 's',
      'db.client.connection.use_time': 's',
      'nodejs.eventloop.utilization': '1',
      'v8js.memory.heap.used': 'By',
    };
    for (const [name, unit] of Object.entries(wanted))
      assert.equal(last.get(name)?.unit, unit, name);
    const outcomes = last
      .get('rpc.server.call.duration')
      ?.points.map(
        (point) =>
          `${point['rpc.method']} ${point['rpc.response.status_code']} ${point['error.type'] ?? ''}`,
      );
    assert.deepEqual(outcomes?.sort(), [
      'hopwatch.shop.v1.Catalog/ListCategories DEADLINE_EXCEEDED DEADLINE_EXCEEDED',
      'hopwatch.shop.v1.Catalog/ListProducts OK ',
      'hopwatch.shop.v1.Orders/GetOrder INVALID_ARGUMENT ',
      'hopwatch.shop.v1.Orders/PlaceOrder OK ',
      'hopwatch.shop.v1.Stock/GetStock OK ',
    ]);
  });

  await t.test('and it says who it is', () => {
    const { resource } = collector;
    assert.equal(resource['service.name'], 'shop-orders');
    assert.equal(resource['service.version'], '1.2.3+node');
    assert.equal(resource['service.instance.id'], 'one');
    assert.equal(resource['telemetry.sdk.language'], 'nodejs');
    assert.equal(resource['deployment.environment.name'], 'test');
    for (const key of ['host.name', 'process.pid', 'process.runtime.version'])
      assert.ok(resource[key], key);
  });
});

test('labs are not obeyed when they are off', { skip: NO_SERVER }, async (t) => {
  const running = await startOrders(t, await newDatabase(t), { HOPWATCH_LABS: '0' });
  const { catalog } = clients(t, running.address);
  const asked = traced(ORDER, 'hopwatch.lab.delay=shop-orders:9000ms');
  await ask(catalog, catalog.listCategories, {}, asked, 2000);
  await stop(running);
});
