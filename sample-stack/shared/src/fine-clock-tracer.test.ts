import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HrTime, ROOT_CONTEXT, type Span, type Tracer, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { FineClockTracerProvider } from './fine-clock-tracer.js';

/** A tracer whose clock ticks 1 ns a reading, and the spans that it ended. */
function tickingTracer(): { tracer: Tracer; spans: InMemorySpanExporter } {
  const spans = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  let nanos = 0;
  const clock = (): HrTime => [1_763_720_000, ++nanos];
  return { tracer: new FineClockTracerProvider(provider, clock).getTracer('test'), spans };
}

test('start, events and end of a span are stamped by the clock', () => {
  const { tracer, spans } = tickingTracer();
  const span = tracer.startSpan('work');
  span.addEvent('plain');
  span.addEvent('with attributes', { n: 1 });
  span.recordException(new Error('broken'));
  span.end();
  const ended = spans.getFinishedSpans()[0];
  assert.deepEqual(ended?.startTime, [1_763_720_000, 1]);
  assert.deepEqual(
    ended?.events.map((event) => event.time[1]),
    [2, 3, 4],
  );
  assert.equal(ended?.events[1]?.attributes?.['n'], 1);
  assert.deepEqual(ended?.endTime, [1_763_720_000, 5]);
});

test('times that the caller gives are kept', () => {
  const { tracer, spans } = tickingTracer();
  const span = tracer.startSpan('work', { startTime: [5, 1] });
  span.addEvent('then', [5, 2]);
  span.addEvent('later', { n: 1 }, [5, 3]);
  span.end([5, 4]);
  const ended = spans.getFinishedSpans()[0];
  assert.deepEqual(ended?.startTime, [5, 1]);
  assert.deepEqual(
    ended?.events.map((event) => event.time),
    [
      [5, 2],
      [5, 3],
    ],
  );
  assert.deepEqual(ended?.endTime, [5, 4]);
});

test('startActiveSpan takes its three forms and returns what the function returns', () => {
  const { tracer, spans } = tickingTracer();
  const parent = tracer.startSpan('parent');
  const child = tracer.startActiveSpan('child', {}, trace.setSpan(ROOT_CONTEXT, parent), (span) => {
    span.end();
    return span;
  });
  assert.equal(child.spanContext().traceId, parent.spanContext().traceId);
  const endAndName = (name: string) => (span: Span) => {
    span.end();
    return name;
  };
  assert.equal(tracer.startActiveSpan('a', endAndName('a')), 'a');
  assert.equal(tracer.startActiveSpan('b', { attributes: { n: 2 } }, endAndName('b')), 'b');
  assert.deepEqual(spans.getFinishedSpans()[2]?.attributes, { n: 2 });
});
