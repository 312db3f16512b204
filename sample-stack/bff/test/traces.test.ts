import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { FakeCollector, KIND, type ReceivedSpan } from './fake-collector';
import { FakeShop } from './fake-shop';
import { builtPage } from './harness';

// The BFF as it runs in earnest, in a process of its own: whether http and grpc-js are patched
// depends on how it is started.

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';

interface Running {
  readonly url: string;
  readonly shop: FakeShop;
  readonly collector: FakeCollector;
  readonly bff: ChildProcess;
}

async function startBff(t: TestContext, env: Record<string, string>): Promise<Running> {
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
        WEB_ROOT: builtPage(),
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
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
  for await (const line of lines) {
    const url = /Server listening at (http:[^"]+)/.exec(line)?.[1];
    if (url) return { url, shop, collector, bff };
  }
  throw new Error('the BFF ended before it listened');
}

/** Ends the BFF as a supervisor does; its spans are all there then. */
async function stop({ bff }: Running): Promise<void> {
  bff.kill('SIGTERM');
  const [code] = await once(bff, 'exit');
  assert.equal(code, 0);
}

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

test('a lab delays the handler it names, says so, and is passed on', async (t) => {
  const running = await startBff(t, { HOPWATCH_LABS: '1' });
  const ask = (baggage: string): Promise<Response> =>
    fetch(`${running.url}/api/orders/o-1`, { headers: { baggage } });
  await ask('hopwatch.lab.delay=shop-bff/api/orders/:id:80ms,user=ada');
  await ask('hopwatch.lab.delay=shop-bff/api/products:80ms');
  await ask('hopwatch.lab.delay=soon');
  await stop(running);

  const [delayed, other, malformed] = running.collector.spans.filter((s) => s.kind === KIND.SERVER);
  assert.equal(delayed?.attributes['hopwatch.lab.name'], 'delay');
  assert.equal(delayed?.attributes['hopwatch.lab.delay_ms'], 80);
  assert.ok(Number(delayed && delayed.endNanos - delayed.startNanos) >= 79e6);
  assert.equal(other?.attributes['hopwatch.lab.name'], undefined);
  assert.match(`${malformed?.attributes['hopwatch.lab.error']}`, /malformed: soon/);
  assert.deepEqual(running.shop.metadata[0]?.get('baggage'), [
    'hopwatch.lab.delay=shop-bff%2Fapi%2Forders%2F%3Aid%3A80ms',
  ]);
});

test('a shutdown answers what is under way and takes nothing new', async (t) => {
  const running = await startBff(t, {});
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
