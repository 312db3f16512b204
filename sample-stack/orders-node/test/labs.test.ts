import assert from 'node:assert/strict';
import { test } from 'node:test';
import { context, propagation } from '@opentelemetry/api';
import { type CallLabs, obeyLabs } from '../src/labs/labs';
import { inSpan } from './recorded-spans';

const PATH = '/hopwatch.shop.v1.Orders/PlaceOrder';
const STATEMENT = '-- SELECT products\nSELECT id\nFROM products\nWHERE id > $1 AND category = $2';
const IDS = ['a', 'b', 'c'];

/** What a PlaceOrder with the baggage has recorded in the end. */
function call(
  baggage: Record<string, string>,
  use: (labs: CallLabs) => void = () => {},
  signal = new AbortController().signal,
): Promise<Record<string, unknown>> {
  const entries = Object.entries(baggage).map(([key, value]) => [key, { value }] as const);
  const asked = propagation.createBaggage(Object.fromEntries(entries));
  return inSpan(() =>
    context.with(propagation.setBaggage(context.active(), asked), async () =>
      use(await obeyLabs(PATH, signal)),
    ),
  );
}

test('a delay passes before the handler begins', async () => {
  for (const whom of ['shop-orders', 'shop-orders/PlaceOrder']) {
    const start = performance.now();
    const said = await call({ 'hopwatch.lab.delay': `${whom}:60ms` });
    assert.ok(performance.now() - start >= 59);
    assert.deepEqual(said, { 'hopwatch.lab.name': 'delay', 'hopwatch.lab.delay_ms': 60 });
  }
});

test('faults of other services and methods are theirs', async () => {
  for (const whom of ['shop-bff', 'shop-orders/GetOrder', 'shop-orders/Order']) {
    assert.deepEqual(await call({ 'hopwatch.lab.delay': `${whom}:9000ms` }), {});
  }
  assert.deepEqual(await call({ user: 'ada' }), {});
});

test('a delay ends with its call', async () => {
  const reason = new Error('the client has gone');
  const gone = call(
    { 'hopwatch.lab.delay': 'shop-orders:9000ms' },
    undefined,
    AbortSignal.abort(reason),
  );
  await assert.rejects(gone, reason);
});

test('the first SELECT of a call is slow, and gives the same rows', async () => {
  const said = await call({ 'hopwatch.lab.slow-sql': 'shop-orders/PlaceOrder:80ms' }, (labs) => {
    assert.deepEqual(labs.slowDown(STATEMENT, ['p1', 'Bath']), {
      sql:
        '-- SELECT products\nSELECT * FROM (\nSELECT id\nFROM products\n' +
        'WHERE id > $1 AND category = $2\n) AS rows\nWHERE (SELECT pg_sleep($3)) IS NOT NULL',
      values: ['p1', 'Bath', 0.08],
    });
    assert.equal(labs.slowDown(STATEMENT, ['p1', 'Bath']).sql, STATEMENT);
  });
  assert.deepEqual(said, { 'hopwatch.lab.name': 'slow-sql', 'hopwatch.lab.delay_ms': 80 });
});

test('batches are asked for one by one, as many as the lab says', async () => {
  const cases: [string, string[][], string[], number][] = [
    ['shop-orders/GetStock:9', [IDS], [], 0],
    ['shop-orders:2', [['a'], ['b'], ['c']], ['a', 'b'], 2 + 2],
    ['shop-orders/PlaceOrder:1', [['a'], ['b', 'c']], ['a'], 1 + 1],
    ['shop-orders:200', [['a'], ['b'], ['c']], IDS, 2 + 3],
  ];
  for (const [asked, batches, again, extra] of cases) {
    const said = await call({ 'hopwatch.lab.n-plus-one': asked }, (labs) => {
      assert.deepEqual(labs.batches(IDS), batches);
      assert.deepEqual(labs.again(IDS), again);
      // Nothing to be asked for is nothing extra.
      assert.deepEqual(labs.batches([]), [[]]);
    });
    assert.equal(said['hopwatch.lab.extra_queries'], extra === 0 ? undefined : extra, asked);
  }
});

test('what is malformed is recorded and has no other effect', async () => {
  const wrong = {
    'hopwatch.lab.delay': '"soon" is not <service>[/<method>]:<1..10000>ms',
    'hopwatch.lab.slow-sql': '"shop-orders:10001ms" is not <service>[/<method>]:<1..10000>ms',
    'hopwatch.lab.n-plus-one': '"shop-orders:201" is not <service>[/<method>]:<1..200>',
  };
  for (const [key, message] of Object.entries(wrong)) {
    const [, value = ''] = message.split('"');
    const said = await call({ [key]: value }, (labs) => {
      assert.equal(labs.slowDown(STATEMENT, []).sql, STATEMENT);
      assert.equal(labs.batches(IDS).length, 1);
    });
    assert.deepEqual(said, { 'hopwatch.lab.error': message });
  }
});
