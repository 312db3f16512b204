import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { status as Code } from '@grpc/grpc-js';
import { BackendError } from '../src/backend/backend-error';
import { urlTemplate } from '../src/backend/rest-routes';
import { RestTransport } from '../src/backend/rest-transport';
import { FakeShop, failure, order, product } from './fake-shop';
import { type Harness, startHarness } from './harness';

// What differs by REST. That pages and errors are the same is seen by asking for both.

const ORDER = {
  idempotencyKey: '3f0c9d62-6c1f-4b7e-9a57-2b9d3a6e1c55',
  email: 'ada@example.org',
  lines: [{ productId: 'a', quantity: 2 }],
  expectedTotal: { currency: 'EUR', minorUnits: 3998 },
};
const ASKED: [string, object][] = [
  ['a page of products', { url: '/api/products?category=lamps+%26+co&page=a%2Bb' }],
  ['a new order', { url: '/api/orders', method: 'POST', payload: ORDER }],
  ['an order of before', { url: '/api/orders/o%2F1' }],
];

for (const [name, request] of ASKED) {
  test(`${name} is the same by either protocol`, async (t) => {
    const byGrpc = await startHarness(t);
    const byRest = await startHarness(t, { ordersProtocol: 'rest' });
    const wanted = await whole(byGrpc, request);
    const got = await whole(byRest, request);
    assert.equal(got.statusCode, wanted.statusCode);
    assert.ok(wanted.statusCode < 300);
    assert.deepEqual(got.json(), wanted.json());
    assert.deepEqual(byRest.shop.calls.toSorted(), byGrpc.shop.calls.toSorted());
    assert.ok(byRest.shop.rest.targets.length > 0 && byGrpc.shop.rest.targets.length === 0);
  });
}

for (const code of ['INVALID_ARGUMENT', 'NOT_FOUND', 'FAILED_PRECONDITION', 'INTERNAL'] as const) {
  test(`${code} is the same by either protocol`, async (t) => {
    const answers = ['grpc', 'rest'].map(async (ordersProtocol) => {
      const { app, shop } = await startHarness(t, { ordersProtocol } as object);
      shop.answers.getOrder = () => Promise.reject(failure(Code[code], 'why "not"'));
      const response = await app.inject('/api/orders/o-1');
      return [response.statusCode, response.json()];
    });
    const [byGrpc, byRest] = await Promise.all(answers);
    assert.deepEqual(byRest, byGrpc);
  });
}

test('requests are as the contract has them in HTTP', async (t) => {
  const { transport, shop } = await startTransport(t);
  const deadline = Date.now() + 5000;
  await transport.listProducts({ category: 'a&b', pageSize: 24, pageToken: '' }, deadline);
  await transport.recommend({ productIds: [], limit: 6 }, deadline);
  await transport.getStock({ productIds: ['p1', 'p2'] }, deadline);
  await transport.getOrder({ orderId: '../categories?x' }, deadline);
  assert.deepEqual(shop.rest.targets, [
    '/v1/products?category=a%26b&pageSize=24',
    '/v1/recommendations?limit=6',
    '/v1/stock?productIds=p1&productIds=p2',
    '/v1/orders/..%2Fcategories%3Fx',
  ]);
  const timeout = Number(shop.metadata[0]?.get('x-request-timeout-ms')[0]);
  assert.ok(timeout > 4000 && timeout <= 5000, `${timeout}`);
});

test('an order is sent without what answers add', async (t) => {
  const { transport, shop } = await startTransport(t);
  const lines = [{ productId: 'p1', quantity: 1, unitPrice: undefined, productName: '' }];
  const request = { idempotencyKey: 'k', customerEmail: 'a@b', lines, expectedTotal: undefined };
  await transport.placeOrder(request, Date.now() + 5000);
  const [body = ''] = shop.rest.bodies;
  assert.deepEqual(JSON.parse(body), {
    idempotencyKey: 'k',
    customerEmail: 'a@b',
    lines: [{ productId: 'p1', quantity: 1 }],
  });
});

test('what is left out has its default, and 64-bit numbers are numbers', async (t) => {
  const { transport, shop } = await startTransport(t);
  const price = { currency: 'EUR', minorUnits: 9_007_199_254_740_991 };
  shop.answers.getStock = async () => ({ levels: [{ productId: 'p1', units: 0 }] });
  shop.answers.getOrder = async () => ({ ...order('o-1'), total: price });
  const deadline = Date.now() + 5000;
  const { levels } = await transport.getStock({ productIds: ['p1'] }, deadline);
  assert.deepEqual(levels, [{ productId: 'p1', units: 0 }]);
  const { total, placedAt } = await transport.getOrder({ orderId: 'o-1' }, deadline);
  assert.deepEqual(total, price);
  assert.equal(placedAt, '2026-11-21T10:00:00.123456Z');
});

test('a call ends at its deadline, even within the answer', async (t) => {
  const { transport, shop } = await startTransport(t);
  shop.answers.listCategories = () => new Promise(() => {});
  const before = performance.now();
  await assert.rejects(transport.listCategories(Date.now() + 100), {
    code: Code.DEADLINE_EXCEEDED,
  });
  await assert.rejects(transport.listCategories(Date.now() - 1), { code: Code.DEADLINE_EXCEEDED });
  const slow = await startRaw(t, 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"cat', false);
  await assert.rejects(slow.listCategories(Date.now() + 100), { code: Code.DEADLINE_EXCEEDED });
  assert.ok(performance.now() - before < 3000);
});

const STRANGE: [string, string, keyof typeof Code][] = [
  ['no JSON', answerOf(200, '<html>'), 'INTERNAL'],
  ['JSON that is no message', answerOf(200, 'null'), 'INTERNAL'],
  ['an error without a code', answerOf(500, 'oops'), 'UNKNOWN'],
  ['a code that gRPC does not know', answerOf(418, '{"code":"TEAPOT"}'), 'UNKNOWN'],
  ['a code of another type', answerOf(500, '{"code":{}}'), 'UNKNOWN'],
  ['a proxy that finds no service', answerOf(502, '<html>'), 'UNAVAILABLE'],
  ['a proxy that waited in vain', answerOf(504, '<html>'), 'DEADLINE_EXCEEDED'],
  ['half an answer', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"cat', 'UNAVAILABLE'],
  ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 'UNAVAILABLE'],
  ['nothing at all', '', 'UNAVAILABLE'],
  ['too much', answerOf(200, `"${'x'.repeat(4 * 1024 * 1024)}"`), 'RESOURCE_EXHAUSTED'],
];

for (const [name, answer, code] of STRANGE) {
  test(`${name} is ${code}`, async (t) => {
    const transport = await startRaw(t, answer, true);
    await assert.rejects(
      transport.listCategories(Date.now() + 5000),
      (error) => error instanceof BackendError && error.code === Code[code],
    );
  });
}

test('services that are gone are asked again, and found when they are back', async (t) => {
  const { app, shop } = await startHarness(t, { ordersProtocol: 'rest' });
  assert.equal((await app.inject('/api/orders/o-1')).statusCode, 200);
  shop.stop();
  assert.equal((await app.inject('/api/orders/o-1')).statusCode, 503);
  await shop.restart();
  assert.equal((await app.inject('/api/orders/o-1')).statusCode, 200);
});

test('a service that is away for a moment is asked again', async (t) => {
  const { app, shop } = await startHarness(t, { ordersProtocol: 'rest' });
  let failures = 2;
  shop.answers.listProducts = async () => {
    if (failures-- > 0) throw failure(Code.UNAVAILABLE, 'restarting');
    return { products: [product('a')], nextPageToken: '' };
  };
  assert.equal((await app.inject('/api/products')).statusCode, 200);
});

test('readiness follows the services by REST too', async (t) => {
  const { app, shop, wait } = await startHarness(t, { ordersProtocol: 'rest' });
  assert.equal((await app.inject('/readyz')).statusCode, 200);
  shop.answers.check = async () => ({ status: 2 });
  wait(5001);
  assert.equal((await app.inject('/readyz')).statusCode, 503);
});

test('calls are told from other requests, and from each other by what they call', () => {
  assert.equal(urlTemplate('/v1/products?category=a'), '/v1/products');
  assert.equal(urlTemplate('/v1/orders'), '/v1/orders');
  assert.equal(urlTemplate('/v1/orders/o-1?x'), '/v1/orders/{id}');
  for (const other of ['/readyz', '/v1/traces', '/v1/products/x', '']) {
    assert.equal(urlTemplate(other), undefined);
  }
});

/** The answer with all its parts: on a busy machine a page may have to go without some. */
async function whole({ app, shop }: Harness, request: object) {
  for (let attempts = 1; ; attempts++) {
    shop.calls.length = 0;
    const response = await app.inject(request);
    if (attempts === 10 || (response.json().missing ?? []).length === 0) return response;
  }
}

async function startTransport(
  t: TestContext,
): Promise<{ transport: RestTransport; shop: FakeShop }> {
  const shop = new FakeShop();
  await shop.start();
  const transport = new RestTransport(shop.rest.address);
  t.after(() => {
    transport.close();
    shop.stop();
  });
  return { transport, shop };
}

/** A client of a server that answers every connection with these bytes. */
async function startRaw(t: TestContext, answer: string, end: boolean): Promise<RestTransport> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => (end ? socket.end(answer) : socket.write(answer)));
  });
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  const transport = new RestTransport(`127.0.0.1:${port}`);
  t.after(() => {
    transport.close();
    server.close();
  });
  return transport;
}

function answerOf(status: number, body: string): string {
  return `HTTP/1.1 ${status} X\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
