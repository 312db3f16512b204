import {
  status as Code,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { preciseNow } from '@hopwatch/shop-shared';
import {
  type Attributes,
  type Context,
  context,
  type HrTime,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

const SCOPE = '@hopwatch/shop-orders/server';
const tracer = trace.getTracer(SCOPE);

/** What the semantic conventions call a server's own failures; the others are its clients'. */
const FAILURES: readonly Code[] = [
  Code.UNKNOWN,
  Code.DEADLINE_EXCEEDED,
  Code.UNIMPLEMENTED,
  Code.INTERNAL,
  Code.UNAVAILABLE,
  Code.DATA_LOSS,
];

/**
 * The SERVER span and the duration of each call: from its headers until its status is handed to the
 * connection. One pair of stamps for both, so that they agree. Health checks have neither.
 */
export function observeCalls(): ServerInterceptor {
  const durations = metrics.getMeter(SCOPE).createHistogram('rpc.server.call.duration', {
    unit: 's',
    advice: {
      explicitBucketBoundaries: [
        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
      ],
    },
  });
  return ({ path }, call) => {
    if (path.startsWith('/grpc.health.')) return new ServerInterceptingCall(call);
    const began = preciseNow();
    const name = path.slice(1);
    const method: Attributes = { 'rpc.system.name': 'grpc', 'rpc.method': name };
    let span: Span | undefined;
    let inside: Context = ROOT_CONTEXT;
    let handled = false;
    const end = (code: Code, message: string): void => {
      const ended = preciseNow();
      const failed = FAILURES.includes(code);
      const outcome = { 'rpc.response.status_code': Code[code] };
      if (failed) span?.setStatus({ code: SpanStatusCode.ERROR, message });
      span?.setAttributes(outcome);
      span?.end(ended);
      const error: Attributes = failed ? { 'error.type': Code[code] } : {};
      durations.record(secondsBetween(began, ended), { ...method, ...outcome, ...error });
    };
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            const parent = propagation.extract(ROOT_CONTEXT, metadata.getMap());
            const attributes = { ...method, ...serverAddress(call) };
            const options = { kind: SpanKind.SERVER, attributes, startTime: began };
            span = tracer.startSpan(name, options, parent);
            inside = trace.setSpan(parent, span);
            pass(metadata);
          },
          // The whole request is there: what comes next is the handler.
          onReceiveHalfClose: (pass) => {
            handled = true;
            context.with(inside, pass);
          },
          // Of a call whose request was not to be read, or whose client left before it was there;
          // handlers have an end of their own.
          onCancel: () => {
            if (!handled) end(Code.CANCELLED, '');
          },
        }),
      sendStatus: (status, pass) => {
        end(status.code ?? Code.UNKNOWN, status.details ?? '');
        pass(status);
      },
    });
  };
}

function secondsBetween(began: HrTime, ended: HrTime): number {
  return ended[0] - began[0] + (ended[1] - began[1]) / 1e9;
}

function serverAddress(call: ServerInterceptingCallInterface): Attributes {
  const { localAddress, localPort } = call.getConnectionInfo();
  return localAddress === undefined || localPort === undefined
    ? {}
    : { 'server.address': localAddress, 'server.port': localPort };
}
