import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHarness } from './harness';

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

test('every path that a browser navigates to gets the page, isolated and with a fresh nonce', async (t) => {
  const { app } = await startHarness(t, {
    version: '1.2"<3$&',
    dashboardUrl: new URL('http://127.0.0.1:8501/?a="b"&c=d'),
  });
  const nonces = new Set<string>();
  for (const url of ['/', '/index.html', '/orders/o-1', '/cart?lab=x']) {
    const response = await app.inject({ url, headers: HTML });
    assert.equal(response.statusCode, 200, url);
    assert.match(response.headers['content-type'] ?? '', /^text\/html/);
    assert.equal(response.headers['cache-control'], 'no-cache');
    assert.equal(response.headers['cross-origin-opener-policy'], 'same-origin');
    assert.equal(response.headers['cross-origin-embedder-policy'], 'require-corp');
    assert.match(response.body, /content="1\.2&#34;&#60;3\$&#38;"/);
    assert.match(response.body, /content="http:\/\/127\.0\.0\.1:8501\/\?a=%22b%22&#38;c=d"/);
    const nonce = /ngCspNonce="([^"]+)"/.exec(response.body)?.[1] ?? '';
    assert.ok(`${response.headers['content-security-policy']}`.includes(`'nonce-${nonce}'`));
    nonces.add(nonce);
  }
  assert.equal(nonces.size, 4);
});

test('hashed files are kept for ever, others are asked for again', async (t) => {
  const { app } = await startHarness(t);
  const script = await app.inject('/main-ABCD2345.js');
  assert.equal(script.statusCode, 200);
  assert.equal(script.headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.equal(script.headers['cross-origin-resource-policy'], 'same-origin');
  const icon = await app.inject('/favicon.svg');
  assert.equal(icon.headers['cache-control'], 'no-cache');
});

test('what is not there is a problem, not the page', async (t) => {
  const { app } = await startHarness(t);
  for (const [url, headers] of [
    ['/missing.js', {}],
    ['/api/nothing', HTML],
    ['/otlp/v1/profiles', HTML],
    ['/../../etc/passwd', {}],
    ['/%', HTML],
    ['/%2e%2e/%2e%2e/etc/passwd', {}],
  ] as const) {
    const response = await app.inject({ url, headers });
    assert.ok([400, 403, 404].includes(response.statusCode), `${url}: ${response.statusCode}`);
    assert.match(response.headers['content-type'] ?? '', /^application\/problem\+json/, url);
  }
});
