import { FineClockTracerProvider } from '@hopwatch/shop-shared';
import { context, diag, propagation, trace } from '@opentelemetry/api';
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  StackContextManager,
  WebTracerProvider,
} from '@opentelemetry/sdk-trace-web';
import { browserAttributes } from './browser-attributes';
import { OpenSpans } from './open-spans';

/** Spans are sent this long after they ended, at the latest; leaving the page sends them at once. */
const EXPORT_DELAY_MS = 1000;

/** Begins to trace this page: spans go to the BFF, which forwards them to the collector. */
export function startTelemetry(): void {
  const openSpans = new OpenSpans();
  const provider = new WebTracerProvider({
    resource: defaultResource().merge(resourceFromAttributes(browserAttributes(window))),
    spanProcessors: [
      openSpans,
      new BatchSpanProcessor(
        new OTLPTraceExporter({ url: new URL('/otlp/v1/traces', location.origin).href }),
        { scheduledDelayMillis: EXPORT_DELAY_MS },
      ),
    ],
  });
  // Not provider.register(): that would set a provider with coarse clocks.
  trace.setGlobalTracerProvider(new FineClockTracerProvider(provider));
  context.setGlobalContextManager(new StackContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
    }),
  );
  // Before the batch processor's own flush, which waits for the document's visibilitychange.
  window.addEventListener('pagehide', () => {
    openSpans.abandon();
    provider.forceFlush().catch((error: unknown) => diag.warn('spans are lost', error));
  });
}
