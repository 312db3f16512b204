import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status as Code } from '@grpc/grpc-js';
import { Catalog } from '../src/catalog/catalog';
import { CatalogCalls } from '../src/catalog/service';
import { StockCalls } from '../src/stock/service';
import { Stock } from '../src/stock/stock';
import { anyCall, NO_SERVER, newDatabase, open } from './shop-database';

test('the catalog and the stock', { skip: NO_SERVER }, async (t) => {
  const database = await open(t, await newDatabase(t));
  const catalog = new CatalogCalls(new Catalog(database));
  const stock = new StockCalls(new Stock(database));
  const call = anyCall();

  await t.test('pages of a category hold each of its products once, in order', async () => {
    const ids: string[] = [];
    let pageToken = '';
    do {
      const page = await catalog.listProducts(
        { category: 'Garden', pageSize: 99, pageToken },
        call,
      );
      for (const product of page.products) {
        assert.equal(product.category, 'Garden');
        assert.ok((product.price?.minorUnits ?? 0n) > 0n);
        ids.push(product.id);
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    assert.equal(ids.length, 500);
    assert.deepEqual(ids, [...new Set(ids)].sort());
  });

  await t.test('the last page that is just full has no next one', async () => {
    const pageToken = Buffer.from('p03976').toString('base64url');
    const page = await catalog.listProducts({ category: '', pageSize: 0, pageToken }, call);
    assert.equal(page.products.length, 24);
    assert.equal(page.nextPageToken, '');
  });

  await t.test('an unknown category is empty', async () => {
    const asked = { category: "'; DROP TABLE products", pageSize: 0, pageToken: '' };
    assert.deepEqual((await catalog.listProducts(asked, call)).products, []);
  });

  await t.test('categories are in order', async () => {
    const { categories } = await catalog.listCategories({}, call);
    assert.equal(categories.length, 8);
    assert.deepEqual(categories, categories.toSorted());
  });

  await t.test('recommendations leave out what was given', async () => {
    for (const productIds of [[], ['p00001'], ['p00001', 'p00009', 'p00004']]) {
      const { products } = await catalog.recommend({ productIds, limit: 0 }, call);
      assert.equal(products.length, 6);
      assert.ok(products.every(({ id }) => !productIds.includes(id)));
    }
  });

  await t.test('stock is told in the order of the request, of what exists', async () => {
    const productIds = ['p00021', 'absent', 'p00001', 'p00021'];
    const { levels } = await stock.getStock({ productIds }, call);
    assert.deepEqual(
      levels.map(({ productId }) => productId),
      ['p00021', 'p00001', 'p00021'],
    );
    assert.equal(levels[0]?.units, 5);
  });
});

test('what breaks a rule does not get as far as the database', async () => {
  const none = null as never;
  const catalog = new CatalogCalls(new Catalog(none));
  const stock = new StockCalls(new Stock(none));
  const list = { category: '', pageSize: 0, pageToken: '' };
  const forged = Buffer.from("'; DROP TABLE products").toString('base64url');
  const refusals: [string, Promise<unknown>][] = [
    [
      'page_size is -1; it must be 1 to 100, or 0 for 24',
      catalog.listProducts({ ...list, pageSize: -1 }, anyCall()),
    ],
    ['page_size is 101', catalog.listProducts({ ...list, pageSize: 101 }, anyCall())],
    ['page_token', catalog.listProducts({ ...list, pageToken: 'not base64!' }, anyCall())],
    ['page_token', catalog.listProducts({ ...list, pageToken: 'cDAwMDAy=' }, anyCall())],
    ['page_token', catalog.listProducts({ ...list, pageToken: forged }, anyCall())],
    ['NUL', catalog.listProducts({ ...list, category: 'a\0b' }, anyCall())],
    ['limit is 25', catalog.recommend({ productIds: [], limit: 25 }, anyCall())],
    ['limit is -1', catalog.recommend({ productIds: [], limit: -1 }, anyCall())],
    [
      '101 product ids',
      catalog.recommend({ productIds: Array(101).fill('p1'), limit: 0 }, anyCall()),
    ],
    ['product id ""', catalog.recommend({ productIds: [''], limit: 0 }, anyCall())],
    ['product id "P 1"', catalog.recommend({ productIds: ['P 1'], limit: 0 }, anyCall())],
    ['product id "p1\\n"', catalog.recommend({ productIds: ['p1\n'], limit: 0 }, anyCall())],
    ['0 product ids given; it must be 1 to 200', stock.getStock({ productIds: [] }, anyCall())],
    ['201 product ids', stock.getStock({ productIds: Array(201).fill('p1') }, anyCall())],
  ];
  for (const [message, refusal] of refusals) {
    await assert.rejects(refusal, (error: { code: Code; message: string }) => {
      assert.equal(error.code, Code.INVALID_ARGUMENT);
      assert.ok(error.message.includes(message), error.message);
      return true;
    });
  }
});
