import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  WebTracerProvider,
} from '@opentelemetry/sdk-trace-web';
import { OpenSpans } from './open-spans';

describe('OpenSpans', () => {
  it('ends what is open when the page is left, children first, and says so', () => {
    const openSpans = new OpenSpans();
    const exporter = new InMemorySpanExporter();
    const tracer = new WebTracerProvider({
      spanProcessors: [openSpans, new SimpleSpanProcessor(exporter)],
    }).getTracer('test');
    const parent = tracer.startSpan('load products');
    const inParent = trace.setSpan(ROOT_CONTEXT, parent);
    tracer.startSpan('first GET', {}, inParent).end();
    tracer.startSpan('GET', {}, inParent);

    openSpans.abandon();
    openSpans.abandon();
    const ended = exporter.getFinishedSpans();
    expect(ended.map((span) => [span.name, span.events.map((event) => event.name)])).toEqual([
      ['first GET', []],
      ['GET', ['abandoned']],
      ['load products', ['abandoned']],
    ]);
  });
});
