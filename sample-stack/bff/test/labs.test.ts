import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KIND } from '@hopwatch/shop-shared/testing';
import { isChosen, parseStackLab } from '../src/labs/stack-lab';
import { builtPage } from './harness';
import { startBff, stop } from './running-bff';

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

test('a lab blocks the event loop: whoever comes meanwhile waits', async (t) => {
  const running = await startBff(t, { HOPWATCH_LABS: '1' });
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  const { getOrder } = running.shop.answers;
  running.shop.answers.getOrder = async (request) => {
    resolve();
    await sleep(50);
    return getOrder(request);
  };
  const victim = fetch(`${running.url}/api/orders/o-1`).then(() => performance.now());
  await reached;
  const before = performance.now();
  const baggage = 'hopwatch.lab.event-loop-block=shop-bff/api/products:300ms';
  await fetch(`${running.url}/api/products`, { headers: { baggage } });
  assert.ok((await victim) - before >= 250);
  await stop(running);
  const blocked = running.collector.spans.find((span) => span.name === 'GET /api/products');
  assert.equal(blocked?.attributes['hopwatch.lab.name'], 'event-loop-block');
  assert.equal(blocked?.attributes['hopwatch.lab.block_ms'], 300);
});

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, 'not within 5 s');
    await sleep(50);
  }
}

test('a lab for the whole stack is asked of its share of requests while its file is there', async (t) => {
  const file = path.join(builtPage(), 'lab.json');
  const running = await startBff(t, { HOPWATCH_LABS: '1', HOPWATCH_LABS_FILE: file });
  const none = '00000000000000000000000000000000';
  const ask = async (traceId: string, baggage?: string): Promise<unknown> => {
    running.shop.metadata.length = 0;
    const headers = {
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      ...(baggage && { baggage }),
    };
    await fetch(`${running.url}/api/orders/o-1`, { headers });
    return running.shop.metadata[0]?.get('baggage')[0];
  };
  const low = none.replace(/0$/, '1');
  const high = none.replaceAll('0', 'f');
  assert.equal(await ask(low), undefined);

  const baggage = 'hopwatch.lab.slow-sql=shop-orders/GetOrder:80ms';
  writeFileSync(file, JSON.stringify({ name: 'slow-sql', baggage, share: 0.5 }));
  const slowSql = 'hopwatch.lab.slow-sql=shop-orders%2FGetOrder%3A80ms';
  await eventually(async () => (await ask(low)) === slowSql);
  assert.equal(await ask(high), undefined);
  assert.equal(
    await ask(low, 'hopwatch.lab.delay=shop-orders:1ms'),
    'hopwatch.lab.delay=shop-orders%3A1ms',
  );

  writeFileSync(file, '{"share": 2');
  await eventually(async () => (await ask(low)) === undefined);
  assert.ok(running.lines.some((line) => line.includes('no lab runs')));

  rmSync(file);
  await stop(running);
});

test('the share of traces is chosen evenly, and always the same', () => {
  const ids = Array.from({ length: 4000 }, (_, i) =>
    ((BigInt(i + 1) * 0x9e3779b97f4a7c15f39cc0605cedc834n) & (2n ** 128n - 1n))
      .toString(16)
      .padStart(32, '0'),
  );
  const chosen = ids.filter((id) => isChosen(id, 0.25));
  assert.ok(Math.abs(chosen.length - 1000) < 100, `${chosen.length}`);
  assert.ok(chosen.every((id) => isChosen(id, 0.5)));
  assert.ok(ids.every((id) => isChosen(id, 1) && !isChosen(id, 0)));
});

const UNUSABLE: [string, RegExp][] = [
  ['', /JSON/],
  ['{"share": 0.5}', /"baggage" must hold entries/],
  ['{"baggage": "user=ada", "share": 0.5}', /begin with hopwatch\.lab\./],
  ['{"baggage": "hopwatch.lab.delay=a:1ms", "share": "all"}', /"share" must be/],
  ['{"baggage": "hopwatch.lab.delay=a:1ms", "share": 1.5}', /"share" must be/],
];

for (const [text, message] of UNUSABLE) {
  test(`a lab file is refused: ${text}`, () => {
    assert.throws(() => parseStackLab(text), message);
  });
}
