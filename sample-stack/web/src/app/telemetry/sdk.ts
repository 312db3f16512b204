import { FineClockTracerProvider } from '@hopwatch/shop-shared';
import { context, diag, propagation, trace } from '@opentelemetry/api';
import { logs } from '@opentelemetry/api-logs';
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from '@opentelemetry/core';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import {
  BatchSpanProcessor,
  StackContextManager,
  WebTracerProvider,
} from '@opentelemetry/sdk-trace-web';
import { browserAttributes } from './browser-attributes';
import { OpenSpans } from './open-spans';

/** Sent this long after it was made, at the latest; leaving the page sends it at once. */
const BATCHES = { scheduledDelayMillis: 1000 };

/** Begins to trace this page: all goes to the BFF, which forwards it to the collector. */
export function startTelemetry(): void {
  const resource = defaultResource().merge(resourceFromAttributes(browserAttributes(window)));
  const openSpans = new OpenSpans();
  const tracerProvider = sendSpans(resource, openSpans);
  const loggerProvider = sendLogs(resource);
  // Not provider.register(): that would set a provider with coarse clocks.
  trace.setGlobalTracerProvider(new FineClockTracerProvider(tracerProvider));
  logs.setGlobalLoggerProvider(loggerProvider);
  context.setGlobalContextManager(new StackContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
    }),
  );
  // Before the batch processors' own flush, which waits for the document's visibilitychange.
  window.addEventListener('pagehide', () => {
    openSpans.abandon();
    Promise.all([tracerProvider.forceFlush(), loggerProvider.forceFlush()]).catch(
      (error: unknown) => diag.warn('the last telemetry is lost', error),
    );
  });
}

function sendSpans(resource: Resource, openSpans: OpenSpans): WebTracerProvider {
  const exporter = new OTLPTraceExporter({ url: target('traces') });
  return new WebTracerProvider({
    resource,
    spanProcessors: [openSpans, new BatchSpanProcessor(exporter, BATCHES)],
  });
}

function sendLogs(resource: Resource): LoggerProvider {
  const exporter = new OTLPLogExporter({ url: target('logs') });
  return new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor({ exporter, ...BATCHES })],
  });
}

function target(signal: string): string {
  return new URL(`/otlp/v1/${signal}`, location.origin).href;
}
