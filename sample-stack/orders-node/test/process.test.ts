import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { status as Code, type ServiceError } from '@grpc/grpc-js';
import {
  ask,
  clients,
  failToStart,
  freeAddress,
  healthcheck,
  orderOfOnePan,
  startOrders,
  stop,
  traced,
} from './running-orders';
import { books, look, NO_SERVER, newDatabase } from './shop-database';

const DELAYED = traced('1'.repeat(32), 'hopwatch.lab.delay=shop-orders:1000ms');

test('the health check tells a service that serves from one that is not there', {
  skip: NO_SERVER,
}, async (t) => {
  const running = await startOrders(t, await newDatabase(t), { SHOP_DRAIN_SECONDS: '3' });
  assert.equal(healthcheck(running.env).status, 0);
  running.process.kill('SIGTERM');
  await sleep(200);
  const draining = healthcheck(running.env);
  assert.equal(draining.status, 1);
  assert.match(draining.stderr, /health of 127\.0\.0\.1:\d+: it is NOT_SERVING/);
  await once(running.process, 'exit');
  assert.match(healthcheck(running.env).stderr, /UNAVAILABLE/);
});

test('settings of no use are told, all at once', () => {
  const { status, stderr } = failToStart({ ORDERS_LISTEN: 'here', SHOP_DRAIN_SECONDS: 'soon' });
  assert.equal(status, 1);
  for (const name of ['ORDERS_LISTEN', 'SHOP_DRAIN_SECONDS', 'DATABASE_URL']) {
    assert.match(stderr, new RegExp(name));
  }
});

test('a port that is taken is told', { skip: NO_SERVER }, async (t) => {
  const server = new URL(process.env['TEST_DATABASE_URL'] ?? '');
  const { status, stderr } = failToStart({
    ORDERS_LISTEN: server.host,
    DATABASE_URL: await newDatabase(t),
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
  });
  assert.equal(status, 1);
  assert.match(stderr, /cannot listen \(see ORDERS_LISTEN\): .*EADDRINUSE/);
});

test('a drain answers new calls and connections, then what is under way, and ends', {
  skip: NO_SERVER,
}, async (t) => {
  const running = await startOrders(t, await newDatabase(t), { SHOP_DRAIN_SECONDS: '4' });
  const { catalog } = clients(t, running.address);
  await ask(catalog, catalog.listCategories, {});
  const begun = performance.now();
  running.process.kill('SIGTERM');
  const ended = once(running.process, 'exit');
  await sleep(300);
  const late = clients(t, running.address).catalog;
  await ask(late, late.listCategories, {});
  // Answered after the drain, by a server that takes nothing new.
  await sleep(begun + 3500 - performance.now());
  const underWay = ask(catalog, catalog.listCategories, {}, DELAYED);
  assert.equal((await underWay).categories.length, 8);
  assert.ok(performance.now() - begun > 4500);
  const [code] = await ended;
  assert.equal(code, 0);
  // Nobody takes its telemetry here, and on a busy machine that is told.
  const told = running.lines.map((line) => line['msg']);
  assert.equal(told.filter((msg) => msg !== 'the last telemetry is lost').at(-1), 'stopped');
  const refused = once(connect(Number(running.address.split(':')[1]), '127.0.0.1'), 'connect');
  await assert.rejects(refused, { code: 'ECONNREFUSED' });
});

test('a second signal ends it at once', { skip: NO_SERVER }, async (t) => {
  const running = await startOrders(t, await newDatabase(t), { SHOP_DRAIN_SECONDS: '30' });
  running.process.kill('SIGTERM');
  await sleep(200);
  const begun = performance.now();
  running.process.kill('SIGTERM');
  const [code] = await once(running.process, 'exit');
  assert.notEqual(code, 0);
  assert.ok(performance.now() - begun < 1000);
});

test('one instance takes over from another on the same port, and no call fails', {
  skip: NO_SERVER,
}, async (t) => {
  const database = await newDatabase(t);
  const client = await look(t, database);
  const address = await freeAddress();
  let old = await startOrders(t, database, { ORDERS_LISTEN: address });
  const causes: unknown[] = [];
  const failures: unknown[] = [];
  let over = false;
  const customer = async (number: number): Promise<number> => {
    for (let placed = 0; ; placed++) {
      if (over) return placed;
      // A connection of its own now and then: it may be accepted by either.
      const { orders } = clients(t, address);
      for (let turn = 0; turn < 5 && !over; turn++, placed++) {
        const order = orderOfOnePan(`c${number}.${placed}@example.com`);
        await ask(orders, orders.placeOrder, order).catch(async (error: ServiceError) => {
          failures.push(`${Code[error.code]} ${error.details}`);
          await sleep(100);
        });
      }
      orders.close();
    }
  };
  const customers = Promise.all([1, 2, 3, 4, 5, 6].map(customer));
  for (let time = 0; time < 3; time++) {
    const next = await startOrders(t, database, { ORDERS_LISTEN: address });
    await sleep(200);
    await stop(old);
    causes.push(...old.lines.filter((line) => line['level'] !== 'info'));
    old = next;
  }
  over = true;
  const calls = (await customers).reduce((sum, count) => sum + count, 0);
  t.diagnostic(`${calls} calls`);
  assert.ok(calls > 30);
  causes.push(...old.lines.filter((line) => line['level'] !== 'info'));
  assert.deepEqual(failures, [], JSON.stringify(causes));
  const { orders, authorised } = await books(client);
  assert.equal(orders, authorised);
});

test('killed between payment and order, it leaves neither; the next one places the order', {
  skip: NO_SERVER,
}, async (t) => {
  const database = await newDatabase(t);
  const client = await look(t, database);
  const holder = await look(t, database);
  const running = await startOrders(t, database);
  // The stock is locked, so the order gets stuck where it wants to reserve: behind its payment.
  await holder.query(`BEGIN`);
  await holder.query(`SELECT FROM stock_levels WHERE product_id = 'p00001' FOR UPDATE`);
  const order = orderOfOnePan();
  const first = clients(t, running.address).orders;
  const answered = ask(first, first.placeOrder, order).catch((error: ServiceError) => error.code);
  for (let stuck = false; !stuck; await sleep(50)) {
    const { rowCount } =
      await client.query(`SELECT FROM pg_stat_activity WHERE datname = current_database()
      AND wait_event_type = 'Lock' AND query LIKE '-- UPDATE stock_levels%'`);
    stuck = rowCount === 1;
  }
  running.process.kill('SIGKILL');
  assert.equal(await answered, Code.UNAVAILABLE);
  await holder.query('ROLLBACK');
  const { orders: nothing, authorised } = await books(client);
  assert.deepEqual([nothing, authorised], [0, 0]);
  const next = await startOrders(t, database);
  const second = clients(t, next.address).orders;
  assert.equal((await ask(second, second.placeOrder, order)).total?.minorUnits, 5790n);
  assert.equal((await books(client)).orders, 1);
});
