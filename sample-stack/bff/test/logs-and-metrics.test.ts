import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBff, stop } from './running-bff';

test('log lines and OTLP logs of a request carry its trace', async (t) => {
  const running = await startBff(t);
  await fetch(`${running.url}/api/orders/o-1`);
  await fetch(`${running.url}/api/orders/o-2`);
  await stop(running);
  const { spans, logs } = running.collector;
  const servers = spans.filter((span) => span.name === 'GET /api/orders/:id');
  const sent = logs.filter((record) => record.body === 'answered');
  const written = running.lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['msg'] === 'answered');
  assert.equal(servers.length, 2);
  assert.deepEqual(
    sent.map((record) => record.traceId),
    servers.map((span) => span.traceId),
  );
  assert.deepEqual(
    written.map((line) => [line['trace_id'], line['span_id']]),
    sent.map((record) => [record.traceId, record.spanId]),
  );
  assert.equal(sent[0]?.severityText, 'info');
  assert.equal(sent[0]?.attributes['route'], '/api/orders/:id');
});

test('requests and the runtime are measured', async (t) => {
  const running = await startBff(t);
  await fetch(`${running.url}/api/orders/o-1`);
  await stop(running);
  const names = new Set(running.collector.metrics.map(({ name }) => name));
  assert.ok(names.has('http.server.request.duration'), `${[...names]}`);
  assert.ok(names.has('nodejs.eventloop.utilization'), `${[...names]}`);
  assert.ok(names.has('v8js.memory.heap.used'), `${[...names]}`);
  assert.ok(names.has('shop.client.network.io'), `${[...names]}`);
});
