import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type FastifyInstance, fastify } from 'fastify';
import { registerTelemetry } from '../src/http/telemetry-routes';
import { startHarness } from './harness';

const LIMITS = { maxBodyBytes: 1000, maxConcurrent: 2, timeoutMs: 20_000 };

async function startCollector(t: TestContext, listener: RequestListener): Promise<URL> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

function startForwarder(t: TestContext, endpoint: URL, limits = LIMITS): FastifyInstance {
  const app = fastify();
  registerTelemetry(app, endpoint, limits);
  t.after(() => app.close());
  return app;
}

function send(app: FastifyInstance, payload: string | Buffer, headers: Record<string, string>) {
  return app.inject({ method: 'POST', url: '/otlp/v1/traces', payload, headers });
}

const JSON_TYPE = { 'content-type': 'application/json' };

test('spans and logs reach the collector byte by byte, and its answer comes back', async (t) => {
  const received: object[] = [];
  const endpoint = await startCollector(t, async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const { 'content-type': type, 'content-encoding': encoding } = request.headers;
    received.push({ url: request.url, type, encoding, body });
    response.setHeader('content-type', 'application/json').end('{"partialSuccess":{}}');
  });
  const app = startForwarder(t, endpoint);
  const spans = Buffer.from([0x0a, 0x00, 0xff]);
  const response = await send(app, spans, { 'content-type': 'application/x-protobuf' });
  assert.equal(response.statusCode, 200);
  assert.equal(response.body, '{"partialSuccess":{}}');
  await send(app, spans, { ...JSON_TYPE, 'content-encoding': 'gzip' });
  await app.inject({ method: 'POST', url: '/otlp/v1/logs', payload: '{}', headers: JSON_TYPE });
  assert.deepEqual(received, [
    { url: '/v1/traces', type: 'application/x-protobuf', encoding: undefined, body: spans },
    { url: '/v1/traces', type: 'application/json', encoding: 'gzip', body: spans },
    {
      url: '/v1/logs',
      type: 'application/json',
      encoding: undefined,
      body: Buffer.from('{}'),
    },
  ]);
});

test("the collector's refusal is passed on", async (t) => {
  const endpoint = await startCollector(t, (_request, response) => {
    response.writeHead(400).end('no');
  });
  assert.equal((await send(startForwarder(t, endpoint), '{}', JSON_TYPE)).statusCode, 400);
});

test('an absent collector answers at once', async (t) => {
  const app = startForwarder(t, new URL('http://127.0.0.1:1'));
  const before = performance.now();
  assert.equal((await send(app, '{}', JSON_TYPE)).statusCode, 503);
  assert.ok(performance.now() - before < 500);
});

test('a hanging collector is given up, and only so many wait for it', async (t) => {
  const endpoint = await startCollector(t, () => {});
  const app = startForwarder(t, endpoint, { ...LIMITS, timeoutMs: 200 });
  const before = performance.now();
  const answers = await Promise.all([1, 2, 3].map(() => send(app, '{}', JSON_TYPE)));
  assert.deepEqual(
    answers.map((answer) => answer.statusCode),
    [503, 503, 503],
  );
  assert.match(answers[2]?.body ?? '', /Too many/);
  assert.ok(performance.now() - before < 5000);
  assert.match((await send(app, '{}', JSON_TYPE)).body, /cannot be reached/);
});

test('too large, of another type, empty, or oddly encoded is refused', async (t) => {
  const app = startForwarder(t, new URL('http://127.0.0.1:1'));
  assert.equal((await send(app, 'x'.repeat(1001), JSON_TYPE)).statusCode, 413);
  assert.equal((await send(app, 'x', { 'content-type': 'text/plain' })).statusCode, 415);
  assert.equal((await send(app, 'x', { ...JSON_TYPE, 'content-encoding': 'br' })).statusCode, 415);
  assert.equal((await send(app, '', JSON_TYPE)).statusCode, 400);
  assert.equal((await app.inject({ url: '/otlp/v1/traces' })).statusCode, 404);
});

test('the shop answers while there is no collector', async (t) => {
  const { app } = await startHarness(t);
  assert.equal((await send(app, '{}', JSON_TYPE)).statusCode, 503);
  assert.equal((await app.inject('/api/products')).statusCode, 200);
});
