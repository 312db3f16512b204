import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { status as Code } from '@grpc/grpc-js';
import type { Client } from 'pg';
import type { CallError } from '../src/call-error';
import { Catalog } from '../src/catalog/catalog';
import type { Order, OrderRequest } from '../src/orders/order';
import { Orders } from '../src/orders/place';
import { OrderStore } from '../src/orders/store';
import { Payments } from '../src/payments';
import type { Database } from '../src/postgres/database';
import { Stock } from '../src/stock/stock';
import { LossyProxy } from './lossy-proxy';
import {
  anyCall,
  books,
  look,
  NO_SERVER,
  newDatabase,
  open,
  PLENTY,
  SCARCE,
  SOLD_OUT,
} from './shop-database';

function ordersOf(database: Database, stock = new Stock(database)) {
  const store = new OrderStore(database);
  const catalog = new Catalog(database);
  return { store, orders: new Orders({ store, catalog, stock, payments: new Payments(database) }) };
}

function requestFor(
  customerEmail: string,
  { productId, price }: typeof PLENTY,
  quantity: number,
): OrderRequest {
  return {
    idempotencyKey: randomUUID(),
    customerEmail,
    lines: [{ productId, quantity }],
    expectedTotal: { currency: 'EUR', minorUnits: price * BigInt(quantity) },
  };
}

async function codeOf(placed: Promise<Order>): Promise<Code> {
  return placed.then(
    () => Code.OK,
    (error: CallError) => error.code,
  );
}

test('placing orders', { skip: NO_SERVER }, async (t) => {
  const url = await newDatabase(t);
  const client = await look(t, url);
  const { orders, store } = ordersOf(await open(t, url));

  await t.test('an order can be found again, and placed again with the same key', async () => {
    const request = requestFor('ann@example.com', PLENTY, 2);
    const placed = await orders.place(anyCall(), request);
    assert.deepEqual(await orders.place(anyCall(), request), placed);
    assert.deepEqual(await store.byId(anyCall(), placed.id), placed);
    const { rows } = await client.query(
      `SELECT extract(epoch FROM placed_at)::text AS at FROM orders WHERE id = $1`,
      [placed.id],
    );
    const { seconds, nanos } = placed.placedAt;
    assert.equal(`${seconds}.${String(nanos / 1000).padStart(6, '0')}`, rows[0]?.at);
    const other = { ...request, lines: [{ productId: PLENTY.productId, quantity: 1 }] };
    assert.equal(await codeOf(orders.place(anyCall(), other)), Code.ALREADY_EXISTS);
  });

  await t.test('what is refused leaves nothing behind', async () => {
    const before = await books(client);
    const refused: [string, OrderRequest][] = [
      ['1 wanted, 0 in stock', requestFor('ann@example.com', SOLD_OUT, 1)],
      ['6 wanted, 5 in stock', requestFor('ann@example.com', SCARCE, 6)],
      [
        'the total is 57.90 EUR now, not 57.89 EUR',
        requestFor('ann@example.com', { ...PLENTY, price: PLENTY.price - 1n }, 1),
      ],
      [
        'the payment was declined: this is a test',
        requestFor('ann+declined@example.com', PLENTY, 1),
      ],
      ['many units of one product, throwaway', requestFor('x@mailinator.com', PLENTY, 60)],
    ];
    for (const [message, request] of refused) {
      await assert.rejects(orders.place(anyCall(), request), (error: CallError) => {
        assert.equal(error.code, Code.FAILED_PRECONDITION);
        assert.ok(error.message.includes(message), error.message);
        return true;
      });
    }
    assert.equal(
      await codeOf(
        orders.place(anyCall(), requestFor('a@b', { ...PLENTY, productId: 'absent' }, 1)),
      ),
      Code.NOT_FOUND,
    );
    assert.deepEqual(await books(client), before);
  });

  await t.test('one key, many at once: one order, one payment, one reservation', async () => {
    const before = await books(client);
    const request = requestFor('bob@example.com', PLENTY, 3);
    const placed = await Promise.all(
      Array.from({ length: 8 }, () => orders.place(anyCall(), request)),
    );
    assert.equal(new Set(placed.map(({ id }) => id)).size, 1);
    assert.deepEqual(await books(client), {
      orders: before.orders + 1,
      authorised: before.authorised + 1,
      units: before.units - 3,
    });
  });

  await t.test('more customers than units: each unit is sold and paid once', async () => {
    const before = await books(client);
    const codes = await Promise.all(
      Array.from({ length: 12 }, () =>
        codeOf(orders.place(anyCall(), requestFor(`${randomUUID()}@example.com`, SCARCE, 1))),
      ),
    );
    assert.equal(codes.filter((code) => code === Code.OK).length, 5);
    assert.ok(codes.every((code) => [Code.OK, Code.FAILED_PRECONDITION].includes(code)));
    assert.deepEqual(await books(client), {
      orders: before.orders + 5,
      authorised: before.authorised + 5,
      units: before.units - 5,
    });
  });

  await t.test('a customer who orders without end is stopped', async () => {
    const codes: Code[] = [];
    while (codes.length < 31) {
      codes.push(await codeOf(orders.place(anyCall(), requestFor('eve@example.com', PLENTY, 1))));
    }
    assert.equal(codes.indexOf(Code.FAILED_PRECONDITION), 30);
  });
});

test('a failure at the last moment leaves neither payment nor order', {
  skip: NO_SERVER,
}, async (t) => {
  const url = await newDatabase(t);
  const client = await look(t, url);
  const database = await open(t, url);
  const stock = new Stock(database);
  stock.reserve = () => Promise.reject(new Error('disk on fire'));
  const before = await books(client);
  const placed = ordersOf(database, stock).orders.place(anyCall(), requestFor('a@b.c', PLENTY, 1));
  await assert.rejects(placed, /disk on fire/);
  assert.deepEqual(await books(client), before);
});

test('who tries again does not hear that the units are gone which the first try has bought', {
  skip: NO_SERVER,
}, async (t) => {
  const database = await open(t, await newDatabase(t));
  const request = requestFor('ann@example.com', SCARCE, 5);
  const stock = new Stock(database);
  let first: Order | undefined;
  const levels = stock.levels.bind(stock);
  stock.levels = async (call, ids) => {
    first = await ordersOf(database).orders.place(call, request);
    return levels(call, ids);
  };
  const placed = await ordersOf(database, stock).orders.place(anyCall(), request);
  assert.equal(placed.id, first?.id);
});

test('whether the COMMIT or its answer is lost, the order is placed once', {
  skip: NO_SERVER,
}, async (t) => {
  const url = await newDatabase(t);
  const proxy = await LossyProxy.start(t, url);
  const client = await look(t, url);
  const { orders, store } = ordersOf(await open(t, proxy.url));
  for (const loss of ['commit', 'answer'] as const) {
    const before = await books(client);
    proxy.next = loss;
    const placed = await orders.place(anyCall(), requestFor('ann@example.com', PLENTY, 2));
    assert.equal(proxy.next, null, 'nothing was lost');
    assert.deepEqual(await store.byId(anyCall(), placed.id), placed);
    assert.deepEqual(await books(client), {
      orders: before.orders + 1,
      authorised: before.authorised + 1,
      units: before.units - 2,
    });
  }
});

const disturbances: Record<string, (proxy: LossyProxy, client: Client) => Promise<unknown>> = {
  'connections are ended by the server': (_, client) =>
    client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'shop-orders'`),
  'nobody listens for a while': async (proxy) => {
    proxy.down();
    await sleep(400);
    await proxy.up();
  },
};

for (const [name, disturb] of Object.entries(disturbances)) {
  test(`no order fails, is placed twice or is unpaid while ${name}`, {
    skip: NO_SERVER,
  }, async (t) => {
    const url = await newDatabase(t);
    const proxy = await LossyProxy.start(t, url);
    const client = await look(t, url);
    const { orders } = ordersOf(await open(t, proxy.url));
    const before = await books(client);
    let over = false;
    const customer = async (number: number): Promise<number> => {
      for (let placed = 0; ; placed++) {
        if (over) return placed;
        await orders.place(anyCall(), requestFor(`c${number}.${placed}@example.com`, PLENTY, 1));
      }
    };
    const customers = Promise.all(Array.from({ length: 12 }, (_, number) => customer(number)));
    for (let time = 0; time < 4; time++) {
      await sleep(200);
      await disturb(proxy, client);
    }
    await sleep(200);
    over = true;
    const all = (await customers).reduce((sum, placed) => sum + placed, 0);
    assert.ok(all > 12, `${all} orders`);
    assert.deepEqual(await books(client), {
      orders: before.orders + all,
      authorised: before.authorised + all,
      units: before.units - all,
    });
    t.diagnostic(`${all} orders`);
  });
}
