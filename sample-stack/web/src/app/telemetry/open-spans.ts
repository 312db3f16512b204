import type { Context, Span } from '@opentelemetry/api';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-web';

/**
 * Knows the spans that have not ended. A page that is left would never send them, and those of
 * their children that were sent would have no parent.
 */
export class OpenSpans implements SpanProcessor {
  /** In the order in which they started: children after their parents. */
  private readonly open = new Map<string, Span>();

  onStart(span: Span, _parent: Context): void {
    this.open.set(span.spanContext().spanId, span);
  }

  onEnd(span: ReadableSpan): void {
    this.open.delete(span.spanContext().spanId);
  }

  /** Ends what is open, children first. */
  abandon(): void {
    for (const span of [...this.open.values()].reverse()) {
      span.addEvent('abandoned');
      span.end();
    }
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {
    this.open.clear();
  }
}
