import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { FakeCollector } from '@hopwatch/shop-shared/testing';
import { FakeShop } from './fake-shop';
import { builtPage } from './harness';

// The BFF as it runs in earnest, in a process of its own: whether http, grpc-js and pino are
// patched depends on how it is started.

export interface Running {
  readonly url: string;
  readonly shop: FakeShop;
  readonly collector: FakeCollector;
  readonly bff: ChildProcess;
  /** What it has written on stdout, one line an entry. */
  readonly lines: string[];
}

export async function startBff(t: TestContext, env: Record<string, string> = {}): Promise<Running> {
  const shop = new FakeShop();
  const collector = new FakeCollector();
  await shop.start();
  const endpoint = await collector.start();
  const dist = path.join(__dirname, '../src');
  const bff = spawn(
    process.execPath,
    ['--require', path.join(dist, 'otel.cjs'), path.join(dist, 'main.js')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        BFF_LISTEN: '127.0.0.1:0',
        ORDERS_ADDRESS: shop.address,
        ORDERS_REST_ADDRESS: shop.rest.address,
        WEB_ROOT: builtPage(),
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        SHOP_DRAIN_SECONDS: '0.1',
        ...env,
      },
    },
  );
  t.after(() => {
    bff.kill('SIGKILL');
    collector.stop();
    shop.stop();
  });
  const lines = createInterface({ input: bff.stdout as NodeJS.ReadableStream });
  const written: string[] = [];
  const { promise: listening, resolve, reject } = Promise.withResolvers<string>();
  lines.on('line', (line) => {
    written.push(line);
    const url = /Server listening at (http:[^"]+)/.exec(line)?.[1];
    if (url) resolve(url);
  });
  lines.on('close', () => reject(new Error('the BFF ended before it listened')));
  return { url: await listening, shop, collector, bff, lines: written };
}

/** Ends the BFF as a supervisor does; its telemetry is all there then. */
export async function stop({ bff }: Running): Promise<void> {
  bff.kill('SIGTERM');
  const [code] = await once(bff, 'exit');
  assert.equal(code, 0);
}
