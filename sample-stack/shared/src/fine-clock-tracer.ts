import {
  type Attributes,
  type Context,
  context,
  type Exception,
  type HrTime,
  type Span,
  type SpanOptions,
  type TimeInput,
  type Tracer,
  type TracerOptions,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { preciseNow } from './precise-clock.js';

/**
 * Stamps every span of the provider behind it finely at both ends, and its events too.
 *
 * The JavaScript SDK by itself starts a span at a whole millisecond and adds a fine duration, which
 * shifts the whole span by up to 1 ms: enough to make calls that ran one after the other overlap.
 */
export class FineClockTracerProvider implements TracerProvider {
  constructor(
    private readonly provider: TracerProvider,
    private readonly now: () => HrTime = preciseNow,
  ) {}

  getTracer(name: string, version?: string, options?: TracerOptions): Tracer {
    return new FineClockTracer(this.provider.getTracer(name, version, options), this.now);
  }
}

class FineClockTracer implements Tracer {
  constructor(
    private readonly tracer: Tracer,
    private readonly now: () => HrTime,
  ) {}

  startSpan(name: string, options?: SpanOptions, parent?: Context): Span {
    const span = this.tracer.startSpan(
      name,
      { ...options, startTime: options?.startTime ?? this.now() },
      parent,
    );
    return stampFinely(span, this.now);
  }

  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    ...rest: [F] | [SpanOptions, F] | [SpanOptions, Context, F]
  ): ReturnType<F> {
    const run = rest[rest.length - 1] as F;
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : undefined;
    const parent = rest.length > 2 ? (rest[1] as Context) : context.active();
    const span = this.startSpan(name, options, parent);
    return context.with(trace.setSpan(parent, span), () => run(span)) as ReturnType<F>;
  }
}

/** Methods of the instance are replaced, so that it stays the SDK's own span for exporters. */
function stampFinely(span: Span, now: () => HrTime): Span {
  if (!span.isRecording()) return span;
  const end = span.end.bind(span);
  const addEvent = span.addEvent.bind(span);
  span.end = (time?: TimeInput) => end(time ?? now());
  span.addEvent = (name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput) =>
    isTime(attributesOrTime)
      ? addEvent(name, time ?? attributesOrTime)
      : addEvent(name, attributesOrTime ?? {}, time ?? now());
  const recordException = span.recordException.bind(span);
  span.recordException = (exception: Exception, time?: TimeInput) =>
    recordException(exception, time ?? now());
  return span;
}

function isTime(value: Attributes | TimeInput | undefined): value is TimeInput {
  return typeof value === 'number' || value instanceof Date || Array.isArray(value);
}
