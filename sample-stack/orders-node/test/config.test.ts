import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, readConfig } from '../src/config';

const DATABASE_URL = 'postgres://shop@127.0.0.1:15432/shop';

test('an environment with nothing but the database gives the documented defaults', () => {
  assert.deepEqual(readConfig({ DATABASE_URL }), {
    listen: { host: '127.0.0.1', port: 15051 },
    databaseUrl: DATABASE_URL,
    otlpEndpoint: new URL('http://127.0.0.1:4318'),
    version: 'dev',
    labs: false,
    drainMs: 1000,
  });
});

test('all can be set', () => {
  const config = readConfig({
    DATABASE_URL,
    ORDERS_LISTEN: '[::1]:0',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector:4318/base',
    SHOP_VERSION: '1.2+node',
    HOPWATCH_LABS: '1',
    SHOP_DRAIN_SECONDS: '0.25',
  });
  assert.deepEqual(config.listen, { host: '::1', port: 0 });
  assert.equal(config.otlpEndpoint.href, 'https://collector:4318/base');
  assert.deepEqual([config.version, config.labs, config.drainMs], ['1.2+node', true, 250]);
});

test('labs are on by 1 alone', () => {
  assert.equal(readConfig({ DATABASE_URL, HOPWATCH_LABS: 'true' }).labs, false);
});

test('all that is wrong is told at once', () => {
  const wrong = {
    ORDERS_LISTEN: '15051',
    SHOP_DRAIN_SECONDS: 'soon',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
    ORDERS_REST_LISTEN: '127.0.0.1:15052',
    PAYMENTS_ADDRESS: '127.0.0.1:15053',
  };
  assert.throws(
    () => readConfig(wrong),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      for (const name of [...Object.keys(wrong), 'DATABASE_URL'])
        assert.match(error.message, new RegExp(name));
      return true;
    },
  );
});

test('values out of their range are refused by name', () => {
  const wrong = [
    { SHOP_DRAIN_SECONDS: 'NaN' },
    { SHOP_DRAIN_SECONDS: '-1' },
    { SHOP_DRAIN_SECONDS: '61' },
    { ORDERS_LISTEN: '127.0.0.1:65536' },
    { ORDERS_LISTEN: '::1:80' },
  ];
  for (const one of wrong) {
    const [name = ''] = Object.keys(one);
    assert.throws(
      () => readConfig({ DATABASE_URL, ...one }),
      new RegExp(name),
      JSON.stringify(one),
    );
  }
});
