import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Span } from '@opentelemetry/api';

const serverSpans = new WeakMap<IncomingMessage | ClientRequest, Span>();

/** Request hook of the HTTP instrumentation: inside a handler, the active span is another. */
export function rememberServerSpan(span: Span, request: IncomingMessage | ClientRequest): void {
  serverSpans.set(request, span);
}

/** The SERVER span of a request, if it is traced. */
export function serverSpanOf(request: IncomingMessage): Span | undefined {
  return serverSpans.get(request);
}
