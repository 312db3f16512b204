import { type IncomingMessage, ServerResponse } from 'node:http';
import { preciseNow } from '@hopwatch/shop-shared';
import type { HrTime, Span, TimeInput } from '@opentelemetry/api';

const serverSpans = new WeakMap<IncomingMessage, Span>();

/** Request hook of the HTTP instrumentation: inside a handler, the active span is another. */
export function rememberServerSpan(span: Span, request: IncomingMessage): void {
  serverSpans.set(request, span);
}

/** The SERVER span of a request, if it is traced. */
export function serverSpanOf(request: IncomingMessage): Span | undefined {
  return serverSpans.get(request);
}

/**
 * Response hook of the HTTP instrumentation. It ends the span once the connection says that the
 * answer is out, which a busy process hears of milliseconds after the client has it: the span would
 * outlive its caller's. Here it ends when the answer is handed to the connection.
 */
export function endWhenAnswered(span: Span, response: ServerResponse | IncomingMessage): void {
  if (!(response instanceof ServerResponse)) return;
  let answered: HrTime | undefined;
  const endResponse: (...args: never[]) => ServerResponse = response.end;
  response.end = (...args: never[]) => {
    answered = preciseNow();
    return endResponse.apply(response, args);
  };
  const endSpan = span.end.bind(span);
  span.end = (time?: TimeInput) => endSpan(time ?? answered);
}
