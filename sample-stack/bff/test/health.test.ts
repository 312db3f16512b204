import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServingStatus } from '../src/backend/health-client';
import { startHarness } from './harness';

test('alive always, ready while the services are and no shutdown began', async (t) => {
  const { app, shop, drain } = await startHarness(t);
  const status = async (url: string): Promise<number> => (await app.inject(url)).statusCode;
  assert.equal(await status('/healthz'), 200);
  assert.equal(await status('/readyz'), 200);

  shop.answers.check = async () => ({ status: ServingStatus.NOT_SERVING });
  assert.equal(await status('/readyz'), 503);
  assert.equal(await status('/healthz'), 200);

  shop.answers.check = async () => ({ status: ServingStatus.SERVING });
  assert.equal(await status('/readyz'), 200);

  drain();
  const response = await app.inject('/readyz');
  assert.equal(response.statusCode, 503);
  assert.equal(response.json().reason, 'shutting down');
});

test('not ready without the services', async (t) => {
  const { app, shop } = await startHarness(t);
  shop.stop();
  const response = await app.inject('/readyz');
  assert.equal(response.statusCode, 503);
  assert.match(response.json().reason, /^orders: /);
});
