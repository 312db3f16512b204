import { isSpanContextValid, trace } from '@opentelemetry/api';
import { pino, stdTimeFunctions } from 'pino';

/** Structured log lines on stdout; inside a request they carry its trace. */
export const log = pino({
  base: { service: 'shop-bff' },
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
  mixin: activeTrace,
});

function activeTrace(): object {
  const span = trace.getActiveSpan()?.spanContext();
  if (!span || !isSpanContextValid(span)) return {};
  return { trace_id: span.traceId, span_id: span.spanId };
}
