import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTarget } from '../src/labs/target';

const READ: [string, string, string | undefined, number][] = [
  ['shop-orders/PlaceOrder:50ms', 'shop-orders', 'PlaceOrder', 50],
  ['shop-bff:1ms', 'shop-bff', undefined, 1],
  ['shop-bff/api/orders/:id:10000ms', 'shop-bff', 'api/orders/:id', 10_000],
  ['shop-bff//api/products:7ms', 'shop-bff', 'api/products', 7],
];

for (const [value, service, operation, millis] of READ) {
  test(`${value} is understood`, () => {
    assert.deepEqual(parseTarget(value), { service, operation, millis });
  });
}

for (const value of ['', 'shop-bff', 'shop-bff:50', ':50ms', 'shop-bff:0ms', 'shop-bff:10001ms']) {
  test(`"${value}" is malformed`, () => {
    assert.equal(parseTarget(value), null);
  });
}
