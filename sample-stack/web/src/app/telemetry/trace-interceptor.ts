import {
  HttpErrorResponse,
  type HttpEvent,
  type HttpInterceptorFn,
  HttpResponse,
} from '@angular/common/http';
import {
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { tap } from 'rxjs';
import { logFailedRequest } from './error-logs';

const tracer = trace.getTracer('shop-web');

/**
 * One CLIENT span per request, child of the interaction that is active when the request is made,
 * and passed on to the BFF. Done here rather than by patching fetch: HttpClient subscribes
 * synchronously, so the parent is known without zones.
 */
export const traceRequests: HttpInterceptorFn = (request, next) => {
  const url = new URL(request.urlWithParams, location.origin);
  const span = tracer.startSpan(request.method, {
    kind: SpanKind.CLIENT,
    attributes: {
      'http.request.method': request.method,
      'url.full': url.href,
      'server.address': url.hostname,
      'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
    },
  });
  const inSpan = trace.setSpan(context.active(), span);
  const headers: Record<string, string> = {};
  propagation.inject(inSpan, headers);
  const fail = (outcome: number | string): void => {
    logFailedRequest(`${request.method} ${url.pathname}`, outcome, inSpan);
    endWith(span, outcome);
  };
  return next(request.clone({ setHeaders: headers })).pipe(
    tap({
      next: (event: HttpEvent<unknown>) => {
        if (event instanceof HttpResponse) endWith(span, event.status);
      },
      error: (error: unknown) => {
        const status = error instanceof HttpErrorResponse ? error.status : 0;
        fail(status || 'network');
      },
      unsubscribe: () => endWith(span, 'aborted'),
    }),
  );
};

/** Ends the span with an HTTP status, or with the reason why there is none. */
function endWith(span: Span, outcome: number | string): void {
  if (typeof outcome === 'number') span.setAttribute('http.response.status_code', outcome);
  if (typeof outcome === 'string' || outcome >= 400) {
    span.setAttribute('error.type', `${outcome}`);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}
