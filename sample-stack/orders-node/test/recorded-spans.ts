import { context, type Span, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';

/** What ended in this process. */
export const recorded = new InMemorySpanExporter();

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(recorded)] }),
);

/** Runs work inside a span, and returns what that span says in the end. */
export async function inSpan(work: (span: Span) => unknown): Promise<Record<string, unknown>> {
  const span = trace.getTracer('test').startSpan('call');
  await context.with(trace.setSpan(context.active(), span), () => work(span));
  span.end();
  const ended = recorded.getFinishedSpans().find((one) => one.spanContext() === span.spanContext());
  return { ...ended?.attributes };
}
