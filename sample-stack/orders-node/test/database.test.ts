import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { status as Code } from '@grpc/grpc-js';
import { context, SpanKind, trace } from '@opentelemetry/api';
import { DatabaseError } from 'pg';
import { pino } from 'pino';
import { CallError } from '../src/call-error';
import { CallLabs } from '../src/labs/labs';
import { isUnavailable } from '../src/postgres/errors';
import { openDatabase } from '../src/postgres/open';
import { LossyProxy } from './lossy-proxy';
import { recorded } from './recorded-spans';
import { anyCall, look, NO_SERVER, newDatabase, open } from './shop-database';

const ONE = '-- SELECT one\nSELECT 1 AS one';
const log = pino({ level: 'silent' });

test('what waiting cannot cure is told at once', { skip: NO_SERVER }, async (t) => {
  const url = await newDatabase(t);
  const wrong: [string, RegExp][] = [
    [url.replace('shop_test_', 'absent_'), /absent_.* does not exist/],
    [url.replace(/:[^:@]*@/, ':wrong@'), /authentication failed/],
  ];
  for (const [bad, message] of wrong) {
    const start = performance.now();
    await assert.rejects(openDatabase(bad, log, anyCall().signal), message);
    assert.ok(performance.now() - start < 5000);
  }
});

test('who is told to stop does not wait for the database', async () => {
  const reason = new Error('stopped by SIGTERM');
  const stopping = new AbortController();
  const opening = openDatabase('postgres://nobody@127.0.0.1:1/shop', log, stopping.signal);
  setTimeout(() => stopping.abort(reason), 100);
  await assert.rejects(opening, reason);
});

test('lost races are run again, four times at most', { skip: NO_SERVER }, async (t) => {
  const database = await open(t, await newDatabase(t));
  const deadlock = new DatabaseError('deadlock detected', 0, 'error');
  deadlock.code = '40P01';
  const cases: [number, Error, number, boolean][] = [
    [0, deadlock, 1, true],
    [2, deadlock, 3, true],
    [9, deadlock, 5, false],
    [9, new Error('disk on fire'), 1, false],
  ];
  for (const [failures, error, want, succeeds] of cases) {
    let attempts = 0;
    const work = database.transact(anyCall(), async () => {
      if (++attempts <= failures) throw error;
      return 'done';
    });
    if (succeeds) assert.equal(await work, 'done');
    else await assert.rejects(work, error);
    assert.equal(attempts, want);
  }
});

test('every attempt is told in the trace, below the same parent', {
  skip: NO_SERVER,
}, async (t) => {
  const proxy = await LossyProxy.start(t, await newDatabase(t));
  const database = await open(t, proxy.url);
  const parent = trace.getTracer('test').startSpan('PlaceOrder');
  proxy.next = 'commit';
  await context.with(trace.setSpan(context.active(), parent), () =>
    database.transact(anyCall(), (connection) =>
      connection.query(
        '-- UPDATE stock_levels\nUPDATE stock_levels SET units = units WHERE product_id = $1',
        ['p00001'],
      ),
    ),
  );
  assert.equal(proxy.next, null);
  const children = recorded
    .getFinishedSpans()
    .filter((span) => span.parentSpanContext?.spanId === parent.spanContext().spanId);
  const clients = children.filter((span) => span.kind === SpanKind.CLIENT);
  for (const name of ['pool.acquire', 'BEGIN', 'UPDATE stock_levels', 'COMMIT']) {
    const attempts = clients.filter((span) => span.name === name);
    assert.equal(attempts.length, 2, name);
    const resends = attempts.map((span) => span.attributes['hopwatch.resend_count']);
    assert.deepEqual(resends, name === 'pool.acquire' ? [undefined, undefined] : [undefined, 1]);
  }
  const { host, port, pathname } = new URL(proxy.url);
  assert.deepEqual(clients.find((span) => span.name === 'UPDATE stock_levels')?.attributes, {
    'db.system.name': 'postgresql',
    'db.namespace': pathname.slice(1),
    'server.address': host.replace(`:${port}`, ''),
    'server.port': Number(port),
    'db.operation.name': 'UPDATE',
    'db.query.summary': 'UPDATE stock_levels',
    'db.query.text':
      '-- UPDATE stock_levels\nUPDATE stock_levels SET units = units WHERE product_id = $1',
  });
  assert.equal(children.filter((span) => span.name === 'acquire connection').length, 1);
});

test('while the server stays away calls fail in bounded time, and then at once', {
  skip: NO_SERVER,
}, async (t) => {
  const proxy = await LossyProxy.start(t, await newDatabase(t));
  const database = await open(t, proxy.url);
  proxy.down();
  for (const limit of [7000, 100]) {
    const start = performance.now();
    await assert.rejects(database.select(anyCall(), ONE, []), isUnavailable);
    assert.ok(performance.now() - start < limit, `${performance.now() - start} ms`);
  }
  await proxy.up();
  await sleep(500);
  assert.deepEqual(await database.select(anyCall(), ONE, []), [{ one: 1 }]);
});

test('what waits for a connection for too long is told so', { skip: NO_SERVER }, async (t) => {
  const url = new URL(await newDatabase(t));
  url.searchParams.set('pool_max_conns', '1');
  const database = await open(t, url.href);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const holder = database.transact(anyCall(), async () => {
    held.resolve();
    await released;
  });
  await held.promise;
  const start = performance.now();
  await assert.rejects(database.select(anyCall(), ONE, []), {
    code: Code.RESOURCE_EXHAUSTED,
    message: 'all connections to the database are in use',
  });
  const took = performance.now() - start;
  assert.ok(took > 1900 && took < 4000, `${took} ms`);
  // Who gave up waiting leaves the connection to others.
  const gone = AbortSignal.timeout(50);
  await assert.rejects(database.select({ ...anyCall(), signal: gone }, ONE, []));
  release();
  await holder;
  assert.deepEqual(await database.select(anyCall(), ONE, []), [{ one: 1 }]);
});

test('a statement ends with its call, in the server too', { skip: NO_SERVER }, async (t) => {
  const url = await newDatabase(t);
  const database = await open(t, url);
  const client = await look(t, url);
  const controller = new AbortController();
  const reason = new CallError(Code.DEADLINE_EXCEEDED, 'the call took longer than its deadline');
  const start = performance.now();
  setTimeout(() => controller.abort(reason), 200);
  const call = { signal: controller.signal, labs: new CallLabs() };
  await assert.rejects(database.select(call, '-- SELECT sleep\nSELECT pg_sleep(20)', []), reason);
  assert.ok(performance.now() - start < 1000);
  for (let running = true; running; await sleep(50)) {
    const { rowCount } = await client.query(`SELECT FROM pg_stat_activity
      WHERE query LIKE '-- SELECT sleep%' AND state = 'active' AND datname = current_database()`);
    running = rowCount !== 0;
    assert.ok(performance.now() - start < 5000, 'the statement still runs');
  }
  assert.deepEqual(await database.select(anyCall(), ONE, []), [{ one: 1 }]);
});
