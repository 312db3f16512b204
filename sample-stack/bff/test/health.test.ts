import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status as Code } from '@grpc/grpc-js';
import { ServingStatus } from '@hopwatch/shop-shared/health';
import { failure } from './fake-shop';
import { startHarness } from './harness';

test('alive always, ready while the services are and no shutdown began', async (t) => {
  const { app, shop, drain, wait } = await startHarness(t);
  const status = async (url: string): Promise<number> => (await app.inject(url)).statusCode;
  assert.equal(await status('/healthz'), 200);
  assert.equal(await status('/readyz'), 200);

  shop.answers.check = async () => ({ status: ServingStatus.NOT_SERVING });
  wait(5001);
  assert.equal(await status('/readyz'), 503);
  assert.equal(await status('/healthz'), 200);

  shop.answers.check = async () => ({ status: ServingStatus.SERVING });
  assert.equal(await status('/readyz'), 200);

  drain();
  const response = await app.inject('/readyz');
  assert.equal(response.statusCode, 503);
  assert.equal(response.json().reason, 'shutting down');
});

test('a restart of the services is forgiven, their absence is not', async (t) => {
  const { app, shop, wait } = await startHarness(t);
  const status = async (): Promise<number> => (await app.inject('/readyz')).statusCode;
  assert.equal(await status(), 200);
  shop.answers.check = () => Promise.reject(failure(Code.UNAVAILABLE, 'restarting'));
  wait(1000);
  assert.equal(await status(), 200);
  wait(4000);
  assert.equal(await status(), 200);
  wait(1);
  assert.equal(await status(), 503);
});

test('not ready without the services', async (t) => {
  const { app, shop } = await startHarness(t);
  shop.stop();
  const response = await app.inject('/readyz');
  assert.equal(response.statusCode, 503);
  assert.match(response.json().reason, /^orders: /);
});
