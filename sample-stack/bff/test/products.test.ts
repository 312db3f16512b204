import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status as Code } from '@grpc/grpc-js';
import type { PagePart } from '@hopwatch/shop-shared';
import { failure, product } from './fake-shop';
import { startHarness } from './harness';

test('one response joins the catalogue, the recommendations and the stock of both', async (t) => {
  const { app, shop } = await startHarness(t);
  const response = await app.inject('/api/products');
  assert.equal(response.statusCode, 200);
  const page = response.json();
  assert.deepEqual(page.categories, ['lamps', 'tables']);
  assert.equal(page.nextPage, 'next');
  const stock = (offers: { id: string; stock: number }[]) => offers.map((o) => [o.id, o.stock]);
  assert.deepEqual(stock(page.products), [
    ['a', 0],
    ['b', 1],
  ]);
  assert.deepEqual(stock(page.recommendations), [
    ['b', 1],
    ['c', 2],
  ]);
  assert.deepEqual(page.products[0].price, { currency: 'EUR', minorUnits: 1999 });
  assert.equal(shop.calls.filter((call) => call === 'getStock').length, 1);
});

test('the first calls are under way together', async (t) => {
  const { app, shop } = await startHarness(t);
  const { promise: allCame, resolve } = Promise.withResolvers<void>();
  const together =
    <Answer>(answer: () => Promise<Answer>) =>
    async (): Promise<Answer> => {
      if (shop.calls.length === 3) resolve();
      await allCame;
      return answer();
    };
  shop.answers.listCategories = together(async () => ({ categories: [] }));
  shop.answers.recommend = together(async () => ({ products: [] }));
  shop.answers.listProducts = together(async () => ({ products: [], nextPageToken: '' }));
  const response = await app.inject('/api/products');
  assert.deepEqual(response.json().products, []);
  assert.equal(response.json().nextPage, null);
  assert.deepEqual(new Set(shop.calls), new Set(['listCategories', 'recommend', 'listProducts']));
});

test('category and page are passed on', async (t) => {
  const { app, shop } = await startHarness(t);
  let asked: unknown;
  shop.answers.listProducts = async (request) => {
    asked = request;
    return { products: [product('a')], nextPageToken: '' };
  };
  await app.inject({ url: '/api/products', query: { category: 'lamps & co', page: 'a+b/=' } });
  assert.deepEqual(asked, { category: 'lamps & co', pageSize: 24, pageToken: 'a+b/=' });
});

const PARTS: [PagePart, 'recommend' | 'listCategories' | 'getStock'][] = [
  ['recommendations', 'recommend'],
  ['categories', 'listCategories'],
  ['stock', 'getStock'],
];

for (const [part, method] of PARTS) {
  test(`without ${part} the page is still served, and says so`, async (t) => {
    const { app, shop } = await startHarness(t);
    const broken = () => Promise.reject(failure(Code.INTERNAL, 'broken'));
    Object.assign(shop.answers, { [method]: broken });
    const response = await app.inject('/api/products');
    assert.equal(response.statusCode, 200);
    const page = response.json();
    assert.deepEqual(page.missing, [part]);
    assert.equal(page.products.length, 2);
    assert.equal(page.categories.length, part === 'categories' ? 0 : 2);
    assert.equal(page.recommendations.length, part === 'recommendations' ? 0 : 2);
    assert.equal(page.products[1].stock, part === 'stock' ? null : 1);
  });
}

test('slow recommendations are not waited for', async (t) => {
  const { app, shop } = await startHarness(t);
  shop.answers.recommend = () => new Promise(() => {});
  const before = performance.now();
  const response = await app.inject('/api/products');
  assert.deepEqual(response.json().missing, ['recommendations']);
  assert.ok(performance.now() - before < 3000);
});

test('without products there is no page', async (t) => {
  const { app, shop } = await startHarness(t);
  shop.answers.listProducts = () => Promise.reject(failure(Code.INTERNAL, 'broken'));
  const response = await app.inject('/api/products');
  assert.equal(response.statusCode, 502);
  assert.match(response.headers['content-type'] ?? '', /^application\/problem\+json/);
});

test('a service that is away for a moment is asked again', async (t) => {
  const { app, shop } = await startHarness(t);
  let failures = 2;
  shop.answers.getStock = async () => {
    if (failures-- > 0) throw failure(Code.UNAVAILABLE, 'restarting');
    return { levels: [{ productId: 'a', units: 7 }] };
  };
  const response = await app.inject('/api/products');
  assert.equal(response.statusCode, 200);
  assert.equal(response.json().products[0].stock, 7);
});

test('services that are gone cost a bounded time, and are used again when they are back', async (t) => {
  const { app, shop } = await startHarness(t);
  assert.equal((await app.inject('/api/products')).statusCode, 200);
  shop.stop();
  const before = performance.now();
  const response = await app.inject('/api/products');
  assert.equal(response.statusCode, 503);
  assert.equal(response.headers['retry-after'], '1');
  assert.ok(performance.now() - before < 2000);
  await shop.restart();
  const { promise: recovered, resolve } = Promise.withResolvers<void>();
  const ask = async (): Promise<void> => {
    if ((await app.inject('/api/products')).statusCode === 200) resolve();
    else setTimeout(ask, 50);
  };
  const backAt = performance.now();
  await ask();
  await recovered;
  assert.ok(performance.now() - backAt < 3000);
});

test('a query that the contract does not know is refused', async (t) => {
  const { app, shop } = await startHarness(t);
  for (const query of ['colour=red', `category=${'x'.repeat(65)}`, 'page=a&page=b']) {
    const response = await app.inject(`/api/products?${query}`);
    assert.equal(response.statusCode, 400, query);
    assert.match(response.headers['content-type'] ?? '', /^application\/problem\+json/);
    assert.match(response.json().detail, /querystring/);
  }
  assert.deepEqual(shop.calls, []);
});
