import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { FakeCollector } from '@hopwatch/shop-shared/testing';
import {
  CatalogClient,
  OrdersClient,
  type PlaceOrderRequest,
  StockClient,
} from '../src/gen/hopwatch/shop/v1/shop';

// The service as it runs in earnest, in a process of its own: whether pino is patched depends on
// how it is started.

const DIST = path.join(__dirname, '../src');

export interface Running {
  readonly address: string;
  readonly process: ChildProcess;
  readonly env: Record<string, string>;
  /** What it has written on stdout, one line an entry. */
  readonly lines: Record<string, unknown>[];
  readonly stderr: string[];
}

/** Starts the service and waits until it serves. */
export async function startOrders(
  t: TestContext,
  databaseUrl: string,
  more: Record<string, string> = {},
): Promise<Running> {
  const env = {
    ORDERS_LISTEN: '127.0.0.1:0',
    DATABASE_URL: databaseUrl,
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    SHOP_DRAIN_SECONDS: '0.3',
    HOPWATCH_LABS: '1',
    ...more,
  };
  const service = spawn(
    process.execPath,
    ['--require', path.join(DIST, 'otel.cjs'), path.join(DIST, 'main.js')],
    { stdio: ['ignore', 'pipe', 'pipe'], env },
  );
  t.after(() => service.kill('SIGKILL'));
  const lines: Record<string, unknown>[] = [];
  const stderr: string[] = [];
  service.stderr.setEncoding('utf8').on('data', (text: string) => stderr.push(text));
  const { promise: serving, resolve, reject } = Promise.withResolvers<string>();
  const reader = createInterface({ input: service.stdout });
  reader.on('line', (text) => {
    const line = JSON.parse(text) as Record<string, unknown>;
    lines.push(line);
    if (line['msg'] === 'serving') resolve(String(line['address']));
  });
  reader.on('close', () => reject(new Error(`ended before it served: ${stderr.join('')}`)));
  const address = await serving;
  return { address, process: service, env: { ...env, ORDERS_LISTEN: address }, lines, stderr };
}

/** Ends the service as a supervisor does; its telemetry is all there then. */
export async function stop({ process: service, stderr }: Running): Promise<void> {
  service.kill('SIGTERM');
  const [code, signal] = await once(service, 'exit');
  assert.equal(code, 0, `${signal}: ${stderr.join('')}`);
}

/** Runs the health check in the environment; returns its exit code and what it says. */
export function healthcheck(env: Record<string, string>): {
  status: number | null;
  stderr: string;
} {
  return spawnSync(process.execPath, [path.join(DIST, 'healthcheck.js')], {
    env,
    encoding: 'utf8',
  });
}

/** Starts the service with settings of no use; returns its exit code and what it says. */
export function failToStart(env: Record<string, string>): {
  status: number | null;
  stderr: string;
} {
  return spawnSync(
    process.execPath,
    ['--require', path.join(DIST, 'otel.cjs'), path.join(DIST, 'main.js')],
    { env, encoding: 'utf8', timeout: 20_000 },
  );
}

/** A collector that ends with the test, and its URL. */
export async function startCollector(t: TestContext) {
  const collector = new FakeCollector();
  const url = await collector.start();
  t.after(() => collector.stop());
  return { collector, url };
}

/** A client of one connection, which tries nothing again by itself but what was refused unseen. */
export function clients(t: TestContext, address: string) {
  const options = { 'grpc.initial_reconnect_backoff_ms': 50, 'grpc.use_local_subchannel_pool': 1 };
  const insecure = credentials.createInsecure();
  const catalog = new CatalogClient(address, insecure, options);
  const stock = new StockClient(address, insecure, options);
  const orders = new OrdersClient(address, insecure, options);
  t.after(() => {
    for (const client of [catalog, stock, orders]) client.close();
  });
  return { catalog, stock, orders };
}

/** Metadata of a call in a trace of its own, which may ask for labs. */
export function traced(traceId: string, baggage = ''): Metadata {
  const metadata = new Metadata();
  metadata.set('traceparent', `00-${traceId}-${'cd'.repeat(8)}-01`);
  if (baggage !== '') metadata.set('baggage', baggage);
  return metadata;
}

/** One unary call as a promise. */
export function ask<Request, Response>(
  client: object,
  method: (
    request: Request,
    metadata: Metadata,
    options: { deadline: number },
    done: (error: ServiceError | null, response: Response) => void,
  ) => unknown,
  request: Request,
  metadata = new Metadata(),
  millis = 10_000,
): Promise<Response> {
  return promisify(method.bind(client))(request, metadata, {
    deadline: Date.now() + millis,
  }) as Promise<Response>;
}

export function orderOfOnePan(customerEmail = 'ann@example.com'): PlaceOrderRequest {
  return {
    idempotencyKey: crypto.randomUUID(),
    lines: [{ productId: 'p00001', quantity: 1, unitPrice: undefined, productName: '' }],
    customerEmail,
    expectedTotal: { currency: 'EUR', minorUnits: 5790n },
  };
}

export async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? `127.0.0.1:${address.port}` : '';
}
