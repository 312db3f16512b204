import { ErrorHandler, Injectable, inject } from '@angular/core';
import { type Context, context, trace } from '@opentelemetry/api';
import { logs, SeverityNumber } from '@opentelemetry/api-logs';
import { Interactions } from './interactions';

/** A page that fails in a loop must not fill the store. */
const MAX_RECORDS = 50;

const logger = logs.getLogger('shop-web');
let records = 0;

/** Logs that a request failed, inside the trace of its span. */
export function logFailedRequest(what: string, outcome: number | string, inSpan: Context): void {
  const isOurs = typeof outcome === 'string' || outcome >= 500;
  emit({
    severityNumber: isOurs ? SeverityNumber.ERROR : SeverityNumber.WARN,
    severityText: isOurs ? 'error' : 'warn',
    body: `${what} failed: ${outcome}`,
    attributes: { 'error.type': `${outcome}` },
    context: inSpan,
  });
}

/** Uncaught errors go to the console as ever, and as logs to the collector. */
@Injectable()
export class LoggingErrorHandler extends ErrorHandler {
  private readonly interactions = inject(Interactions);

  override handleError(error: unknown): void {
    super.handleError(error);
    const { name, message, stack } = error instanceof Error ? error : new Error(`${error}`);
    emit({
      severityNumber: SeverityNumber.ERROR,
      severityText: 'error',
      body: `uncaught ${name}: ${message}`,
      attributes: {
        'exception.type': name,
        'exception.message': message,
        ...(stack && { 'exception.stacktrace': stack }),
      },
      // Errors are told later, when no span is active: they belong to what the user did last.
      context: trace.getActiveSpan() ? context.active() : this.interactions.last,
    });
  }
}

function emit(record: Parameters<typeof logger.emit>[0]): void {
  if (++records <= MAX_RECORDS) logger.emit(record);
}
