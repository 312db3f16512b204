import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { buildApp } from '../src/app';
import { GrpcTransport } from '../src/backend/grpc-transport';
import { OrdersBackend } from '../src/backend/orders-backend';
import { Readiness } from '../src/backend/readiness';
import { RestTransport } from '../src/backend/rest-transport';
import type { Config } from '../src/config';
import { FakeShop } from './fake-shop';

export interface Harness {
  readonly app: FastifyInstance;
  readonly shop: FakeShop;
  drain(): void;
  /** Lets time pass for the readiness. */
  wait(millis: number): void;
}

/** The application against fake services; all of it ends with the test. */
export async function startHarness(
  t: TestContext,
  changes: Partial<Config> = {},
): Promise<Harness> {
  const shop = new FakeShop();
  await shop.start();
  const backend = new OrdersBackend(
    changes.ordersProtocol === 'rest'
      ? new RestTransport(shop.rest.address)
      : new GrpcTransport(shop.address),
  );
  let draining = false;
  let now = 0;
  const app = await buildApp({
    config: {
      host: '127.0.0.1',
      port: 0,
      ordersProtocol: 'grpc',
      ordersAddress: shop.address,
      ordersRestAddress: shop.rest.address,
      webRoot: builtPage(),
      otlpEndpoint: new URL('http://127.0.0.1:1'),
      version: '1.2.3',
      labs: false,
      labsFile: null,
      dashboardUrl: null,
      drainMs: 0,
      ...changes,
    },
    backend,
    readiness: new Readiness(backend, () => now),
    stackLab: null,
    log: pino({ level: 'silent' }),
    isDraining: () => draining,
  });
  t.after(async () => {
    await app.close();
    backend.close();
    shop.stop();
  });
  return {
    app,
    shop,
    drain: () => {
      draining = true;
    },
    wait: (millis) => {
      now += millis;
    },
  };
}

/** A folder as the page's build leaves it. */
export function builtPage(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'shop-bff-'));
  writeFileSync(
    path.join(folder, 'index.html'),
    '<meta content="SHOP_VERSION"><meta content="DASHBOARD_URL"><app-root ngCspNonce="CSP_NONCE"></app-root>',
  );
  writeFileSync(path.join(folder, 'main-ABCD2345.js'), 'export {};');
  writeFileSync(path.join(folder, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  return folder;
}
