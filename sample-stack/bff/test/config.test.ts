import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, readConfig } from '../src/config';
import { builtPage } from './harness';

const WEB_ROOT = builtPage();

test('an empty environment gives the documented defaults', () => {
  const config = readConfig({ WEB_ROOT, BFF_LISTEN: '' });
  assert.equal(`${config.host}:${config.port}`, '127.0.0.1:8080');
  assert.equal(config.ordersProtocol, 'grpc');
  assert.equal(config.ordersAddress, '127.0.0.1:15051');
  assert.equal(config.ordersRestAddress, '127.0.0.1:15052');
  assert.equal(config.otlpEndpoint.href, 'http://127.0.0.1:4318/');
  assert.equal(config.version, 'dev');
  assert.equal(config.labs, false);
  assert.equal(config.labsFile, null);
  assert.equal(config.dashboardUrl, null);
  assert.equal(config.drainMs, 1000);
});

test('addresses of both families are understood', () => {
  const ipv6 = readConfig({ WEB_ROOT, BFF_LISTEN: '[::1]:9090' });
  assert.deepEqual([ipv6.host, ipv6.port], ['::1', 9090]);
  assert.equal(readConfig({ WEB_ROOT, BFF_LISTEN: 'localhost:0' }).port, 0);
});

const UNUSABLE: [string, string, RegExp][] = [
  ['BFF_LISTEN', '8080', /BFF_LISTEN must be host:port/],
  ['BFF_LISTEN', '127.0.0.1:99999', /BFF_LISTEN must be host:port/],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', '127.0.0.1:4318', /must be an http or https URL/],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'grpc://x:1', /must be an http or https URL/],
  ['HOPWATCH_DASHBOARD_URL', 'javascript:alert(1)', /HOPWATCH_DASHBOARD_URL must be an http/],
  ['SHOP_DRAIN_SECONDS', 'soon', /SHOP_DRAIN_SECONDS must be a number from 0 to 300, not "soon"/],
  ['SHOP_DRAIN_SECONDS', '-1', /SHOP_DRAIN_SECONDS must be a number/],
  ['ORDERS_PROTOCOL', 'soap', /ORDERS_PROTOCOL must be grpc or rest, not "soap"/],
  ['ORDERS_REST_ADDRESS', 'http://orders', /ORDERS_REST_ADDRESS must be host:port/],
  ['ORDERS_REST_ADDRESS', 'orders', /ORDERS_REST_ADDRESS must be host:port/],
  ['ORDERS_REST_ADDRESS', 'orders/x:80', /ORDERS_REST_ADDRESS must be host:port/],
  ['ORDERS_REST_ADDRESS', 'orders:99999', /ORDERS_REST_ADDRESS must be host:port/],
  ['WEB_ROOT', '/nowhere', /no index.html in \/nowhere/],
];

for (const [name, value, message] of UNUSABLE) {
  test(`${name}=${value} is refused by name`, () => {
    assert.throws(
      () => readConfig({ WEB_ROOT, [name]: value }),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}
