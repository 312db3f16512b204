import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { status as Code } from '@grpc/grpc-js';
import { KIND, type ReceivedSpan } from '@hopwatch/shop-shared/testing';
import { failure } from './fake-shop';
import { type Running, startBff, stop } from './running-bff';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';

function requireOne(spans: ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.filter((span) => span.name === name);
  assert.equal(found.length, 1, `${name} in ${spans.map((span) => span.name)}`);
  return found[0] as ReceivedSpan;
}

/** Asks a BFF without labs for products once, in a trace of ours, and ends it. */
async function askForProducts(t: TestContext): Promise<Running> {
  const running = await startBff(t, { SHOP_VERSION: '1.2.3' });
  const { answers } = running.shop;
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));
  const { listProducts, recommend } = answers;
  answers.listProducts = async (request) => pause().then(() => listProducts(request));
  answers.recommend = async (request) => pause().then(() => recommend(request));
  const response = await fetch(`${running.url}/api/products?category=lamps`, {
    headers: {
      traceparent: `00-${TRACE_ID}-${PARENT_ID}-01`,
      baggage: 'hopwatch.lab.delay=shop-bff:500ms,user=ada',
    },
  });
  assert.equal(response.status, 200);
  assert.match(response.headers.get('traceresponse') ?? '', new RegExp(`^00-${TRACE_ID}-`));
  for (const untraced of ['/healthz', '/readyz', '/', '/main-ABCD2345.js']) {
    await fetch(running.url + untraced);
  }
  await stop(running);
  return running;
}

test('one request is one trace', async (t) => {
  const { collector, shop } = await askForProducts(t);
  const { spans, resource } = collector;
  const server = requireOne(spans, 'GET /api/products');
  const calls = spans.filter((span) => span.kind === KIND.CLIENT);

  await t.test('that goes on from the caller and into the calls', () => {
    assert.deepEqual(new Set(spans.map((span) => span.traceId)), new Set([TRACE_ID]));
    assert.equal(server.parentSpanId, PARENT_ID);
    const ids = new Set(spans.map((span) => span.spanId));
    for (const span of spans) {
      assert.ok(span === server || ids.has(span.parentSpanId), `${span.name} is an orphan`);
    }
    const passedOn = shop.metadata.map((metadata) => `${metadata.get('traceparent')[0]}`);
    assert.equal(calls.length, 4);
    for (const { spanId } of calls) assert.ok(passedOn.includes(`00-${TRACE_ID}-${spanId}-01`));
  });

  await t.test('that says what was asked and answered', () => {
    assert.equal(server.kind, KIND.SERVER);
    assert.equal(server.attributes['http.route'], '/api/products');
    assert.equal(server.attributes['http.request.method'], 'GET');
    assert.equal(server.attributes['url.path'], '/api/products');
    assert.equal(server.attributes['http.response.status_code'], 200);
  });

  await t.test('that is stamped finely enough to tell parallel from sequential', () => {
    const call = (method: string): ReceivedSpan =>
      calls.find((span) => span.name.endsWith(`/${method}`)) as ReceivedSpan;
    const [products, recommended] = [call('ListProducts'), call('Recommend')];
    assert.ok(recommended.startNanos < products.endNanos);
    assert.ok(products.startNanos < recommended.endNanos);
    assert.ok(call('GetStock').startNanos >= products.endNanos);
    assert.ok(spans.some((span) => span.startNanos % 1_000_000n !== 0n));
    for (const span of spans) {
      assert.ok(span.startNanos >= server.startNanos, `${span.name} starts too early`);
      assert.ok(span.endNanos <= server.endNanos, `${span.name} ends too late`);
    }
  });

  await t.test('that no lab and no stranger steers', () => {
    assert.equal(server.attributes['hopwatch.lab.name'], undefined);
    assert.ok(shop.metadata.every((metadata) => metadata.get('baggage').length === 0));
  });

  await t.test('that says who made it', () => {
    assert.equal(resource['service.name'], 'shop-bff');
    assert.equal(resource['service.version'], '1.2.3');
    assert.equal(resource['telemetry.sdk.language'], 'nodejs');
    assert.equal(resource['deployment.environment.name'], 'test');
    for (const key of ['service.instance.id', 'host.name', 'process.pid']) {
      assert.ok(resource[key], key);
    }
    assert.ok(resource['process.runtime.version']);
  });
});

test('each attempt of a call is a span of its own', async (t) => {
  const running = await startBff(t);
  let failures = 2;
  const { getOrder } = running.shop.answers;
  running.shop.answers.getOrder = async (request) => {
    if (failures-- > 0) throw failure(Code.UNAVAILABLE, 'restarting');
    return getOrder(request);
  };
  assert.equal((await fetch(`${running.url}/api/orders/o-1`)).status, 200);
  await stop(running);
  const attempts = running.collector.spans.filter((span) => span.name.endsWith('/GetOrder'));
  assert.equal(attempts.length, 3);
  assert.equal(new Set(attempts.map((span) => span.parentSpanId)).size, 1);
  assert.deepEqual(
    attempts.map((span) => span.attributes['rpc.grpc.status_code']),
    [Code.UNAVAILABLE, Code.UNAVAILABLE, Code.OK],
  );
});

test('each attempt of a call by REST is a span of its own too, named by what it calls', async (t) => {
  const running = await startBff(t, { ORDERS_PROTOCOL: 'rest' });
  let failures = 1;
  const { getOrder } = running.shop.answers;
  running.shop.answers.getOrder = async (request) => {
    if (failures-- > 0) throw failure(Code.UNAVAILABLE, 'restarting');
    return getOrder(request);
  };
  assert.equal((await fetch(`${running.url}/readyz`)).status, 200);
  assert.equal((await fetch(`${running.url}/api/orders/o-1`)).status, 200);
  await stop(running);
  const { spans } = running.collector;
  const calls = spans.filter((span) => span.kind === KIND.CLIENT);
  assert.deepEqual(calls.map((span) => span.name).toSorted(), [
    'GET /v1/orders/{id}',
    'GET /v1/orders/{id}',
    'GET /v1/recommendations',
  ]);
  const attempts = calls.filter((span) => span.attributes['url.template'] === '/v1/orders/{id}');
  assert.deepEqual(
    attempts.map((span) => span.attributes['http.response.status_code']),
    [503, 200],
  );
  assert.equal(new Set(attempts.map((span) => span.parentSpanId)).size, 1);
  const passedOn = running.shop.metadata.map((metadata) => `${metadata.get('traceparent')[0]}`);
  for (const { traceId, spanId } of calls) {
    assert.ok(passedOn.includes(`00-${traceId}-${spanId}-01`), `${spanId} in ${passedOn}`);
  }
});

test('the one who starts the service may name its instance, and nothing else', async (t) => {
  const running = await startBff(t, {
    OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=given,service.name=other',
  });
  assert.equal((await fetch(`${running.url}/api/orders/o-1`)).status, 200);
  await stop(running);
  assert.equal(running.collector.resource['service.instance.id'], 'given');
  assert.equal(running.collector.resource['service.name'], 'shop-bff');
});
