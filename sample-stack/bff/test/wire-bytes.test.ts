import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { GrpcTransport } from '../src/backend/grpc-transport';
import type { OrdersTransport } from '../src/backend/orders-backend';
import { RestTransport } from '../src/backend/rest-transport';
import { measureWireBytes, wireBytes } from '../src/telemetry/wire-bytes';
import { FakeShop } from './fake-shop';

measureWireBytes();

const TRANSPORTS: [string, (shop: FakeShop) => string, new (address: string) => OrdersTransport][] =
  [
    ['gRPC', (shop) => shop.address, GrpcTransport],
    ['REST', (shop) => shop.rest.address, RestTransport],
  ];

for (const [protocol, addressOf, Transport] of TRANSPORTS) {
  test(`every byte by ${protocol} is counted, as somebody in between counts them`, async (t) => {
    const shop = new FakeShop();
    await shop.start();
    t.after(() => shop.stop());
    const between = await startCounting(t, addressOf(shop));
    const transport = new Transport(`127.0.0.1:${between.port}`);
    for (let call = 0; call < 20; call++) {
      await transport.listProducts(
        { category: 'x'.repeat(call * 100), pageSize: 24, pageToken: '' },
        Date.now() + 5000,
      );
    }
    const open = bytesAt(between.port);
    assert.ok(open.transmitted > 19_000 && open.received > 2_000, JSON.stringify(open));
    transport.close();
    await between.ended;
    const { transmitted, received } = bytesAt(between.port);
    assert.deepEqual({ transmitted, received }, between.counts);
    assert.ok(transmitted >= open.transmitted && received >= open.received);
  });
}

function bytesAt(port: number): { transmitted: number; received: number } {
  const found = wireBytes().find(({ attributes }) => attributes['server.port'] === port);
  assert.ok(found);
  return found;
}

/** Passes on what it gets, and counts it. */
async function startCounting(t: TestContext, target: string) {
  const counts = { transmitted: 0, received: 0 };
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const { hostname, port } = new URL(`http://${target}`);
  const server = createServer((client: Socket) => {
    const service = connect(Number(port), hostname);
    client.on('data', (bytes) => {
      counts.transmitted += bytes.length;
    });
    service.on('data', (bytes) => {
      counts.received += bytes.length;
    });
    for (const end of [client, service]) end.on('error', () => {});
    client.pipe(service).pipe(client);
    client.on('close', () => resolve());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, counts, ended };
}
