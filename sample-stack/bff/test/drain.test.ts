import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { startBff, stop } from './running-bff';

test('a drain turns readiness off at once and goes on serving, connection by connection', async (t) => {
  const running = await startBff(t, { SHOP_DRAIN_SECONDS: '2' });
  assert.equal((await fetch(`${running.url}/readyz`)).status, 200);
  const begun = performance.now();
  running.bff.kill('SIGTERM');
  const ended = once(running.bff, 'exit');
  while ((await fetch(`${running.url}/readyz`)).status === 200);
  const response = await fetch(`${running.url}/api/orders/o-1`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('connection'), 'close');
  const [code] = await ended;
  assert.equal(code, 0);
  assert.ok(performance.now() - begun >= 2000);
  assert.ok(running.collector.spans.some((span) => span.name === 'GET /api/orders/:id'));
});

test('a new instance takes over from a draining one on the same port', async (t) => {
  const first = await startBff(t, { SHOP_DRAIN_SECONDS: '1' });
  const second = await startBff(t, { BFF_LISTEN: new URL(first.url).host });
  const failures: unknown[] = [];
  let asking = true;
  const customer = async (): Promise<number> => {
    let answers = 0;
    for (; asking; answers++) {
      const status = await fetch(`${first.url}/api/orders/o-1`).then(
        (response) => response.status,
        (error: Error) => error.cause ?? error,
      );
      if (status !== 200) failures.push(status);
    }
    return answers;
  };
  const customers = Promise.all([1, 2, 3, 4].map(customer));
  await stop(first);
  asking = false;
  await customers;
  assert.deepEqual(failures, []);
  assert.equal((await fetch(`${second.url}/api/orders/o-1`)).status, 200);
});

test('a shutdown answers what is under way and takes nothing new', async (t) => {
  const running = await startBff(t);
  const { shop, url, bff } = running;
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  shop.answers.getOrder = async () => {
    resolve();
    await new Promise((done) => setTimeout(done, 500));
    throw { code: 5, details: 'no such order' };
  };
  const underWay = fetch(`${url}/api/orders/o-1`);
  await asked;
  bff.kill('SIGTERM');
  assert.equal((await underWay).status, 404);
  const [code] = await once(bff, 'exit');
  assert.equal(code, 0);
  await assert.rejects(fetch(`${url}/healthz`));
});

test('without a collector the shop answers, and still ends as it should', async (t) => {
  const running = await startBff(t, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
  assert.equal((await fetch(`${running.url}/api/products`)).status, 200);
  const before = performance.now();
  await stop(running);
  assert.ok(performance.now() - before < 4000);
});
