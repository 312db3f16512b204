import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status as Code } from '@grpc/grpc-js';
import type { PlaceOrderRequest } from '../src/gen/hopwatch/shop/v1/shop';
import { failure, order } from './fake-shop';
import { startHarness } from './harness';

const VALID = {
  idempotencyKey: '3f0c9d62-6c1f-4b7e-9a57-2b9d3a6e1c55',
  email: 'ada@example.org',
  lines: [{ productId: 'a', quantity: 2 }],
  expectedTotal: { currency: 'EUR', minorUnits: 3998 },
};

test('an order is placed and answered with what goes with it', async (t) => {
  const { app, shop } = await startHarness(t);
  let placed: PlaceOrderRequest | undefined;
  shop.answers.placeOrder = async (request) => {
    placed = request;
    return order('o/1');
  };
  const response = await app.inject({ method: 'POST', url: '/api/orders', payload: VALID });
  assert.equal(response.statusCode, 201);
  assert.equal(response.headers['location'], '/api/orders/o%2F1');
  assert.deepEqual(response.json().order, {
    id: 'o/1',
    lines: [
      {
        productId: 'a',
        name: 'Product a',
        quantity: 1,
        unitPrice: { currency: 'EUR', minorUnits: 1999 },
      },
    ],
    total: { currency: 'EUR', minorUnits: 1999 },
    status: 'placed',
    placedAt: '2026-11-21T10:00:00.123Z',
    email: 'ada@example.org',
  });
  assert.equal(response.json().recommendations.length, 2);
  assert.equal(placed?.idempotencyKey, VALID.idempotencyKey);
  assert.deepEqual(placed?.expectedTotal, VALID.expectedTotal);
  assert.equal(placed?.lines[0]?.quantity, 2);
});

test('an order can be looked at again', async (t) => {
  const { app } = await startHarness(t);
  const response = await app.inject('/api/orders/o-7');
  assert.equal(response.statusCode, 200);
  assert.equal(response.json().order.id, 'o-7');
  assert.equal(response.headers['cache-control'], 'no-store');
});

const REFUSED: [string, object][] = [
  ['no e-mail address', { ...VALID, email: 'ada' }],
  ['no lines', { ...VALID, lines: [] }],
  ['too many lines', { ...VALID, lines: Array(51).fill(VALID.lines[0]) }],
  ['a quantity of nothing', { ...VALID, lines: [{ productId: 'a', quantity: 0 }] }],
  ['half a product', { ...VALID, lines: [{ productId: 'a', quantity: 1.5 }] }],
  ['a number as text', { ...VALID, lines: [{ productId: 'a', quantity: '2' }] }],
  ['an unknown field', { ...VALID, discount: 100 }],
  ['no UUID', { ...VALID, idempotencyKey: '1' }],
  ['a negative total', { ...VALID, expectedTotal: { currency: 'EUR', minorUnits: -1 } }],
  ['nothing at all', {}],
];

for (const [name, payload] of REFUSED) {
  test(`an order is refused before any service is asked: ${name}`, async (t) => {
    const { app, shop } = await startHarness(t);
    const response = await app.inject({ method: 'POST', url: '/api/orders', payload });
    assert.equal(response.statusCode, 400);
    const problem = response.json();
    assert.equal(problem.status, 400);
    assert.equal(problem.title, 'Bad Request');
    assert.match(problem.detail, /^body/);
    assert.deepEqual(shop.calls, []);
  });
}

test('bodies that are no JSON, too large, or of another type are refused', async (t) => {
  const { app } = await startHarness(t);
  const send = async (payload: string, type: string): Promise<number> =>
    (
      await app.inject({
        method: 'POST',
        url: '/api/orders',
        payload,
        headers: { 'content-type': type },
      })
    ).statusCode;
  assert.equal(await send('{"email":', 'application/json'), 400);
  assert.equal(await send('', 'application/json'), 400);
  assert.equal(await send(JSON.stringify('x'.repeat(70_000)), 'application/json'), 413);
  assert.equal(await send('<order/>', 'application/xml'), 415);
});

const FAILURES: [keyof typeof Code, number, RegExp][] = [
  ['INVALID_ARGUMENT', 400, /^the detail$/],
  ['NOT_FOUND', 404, /^the detail$/],
  ['FAILED_PRECONDITION', 409, /^the detail$/],
  ['ALREADY_EXISTS', 409, /^the detail$/],
  ['UNAVAILABLE', 503, /cannot answer right now/],
  ['RESOURCE_EXHAUSTED', 503, /cannot answer right now/],
  ['DEADLINE_EXCEEDED', 504, /too long/],
  ['INTERNAL', 502, /Something went wrong/],
  ['UNKNOWN', 502, /Something went wrong/],
  ['PERMISSION_DENIED', 502, /Something went wrong/],
];

for (const [code, status, detail] of FAILURES) {
  test(`${code} becomes ${status}`, async (t) => {
    const { app, shop } = await startHarness(t);
    shop.answers.placeOrder = () => Promise.reject(failure(Code[code] as Code, 'the detail'));
    const response = await app.inject({ method: 'POST', url: '/api/orders', payload: VALID });
    assert.equal(response.statusCode, status);
    assert.match(response.headers['content-type'] ?? '', /^application\/problem\+json/);
    assert.match(response.json().detail, detail);
    assert.equal(response.headers['retry-after'], status === 503 ? '1' : undefined);
  });
}

test("an answer that breaks the contract is our failure, not the customer's", async (t) => {
  const { app, shop } = await startHarness(t);
  shop.answers.getOrder = async (request) => ({ ...order(request.orderId), total: undefined });
  const response = await app.inject('/api/orders/o-1');
  assert.equal(response.statusCode, 500);
  assert.doesNotMatch(response.body, /total/);
});
