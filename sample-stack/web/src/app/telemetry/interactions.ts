import { afterNextRender, Injectable, Injector, inject } from '@angular/core';
import { type Attributes, type Context, context, SpanStatusCode, trace } from '@opentelemetry/api';
import { Observable } from 'rxjs';
import { labContext } from './lab-baggage';

/**
 * Traces what the user does and waits for: one span from the click until the page shows the result,
 * parent of the requests in between. Actions that ask no server have none: they are not waited for.
 */
@Injectable({ providedIn: 'root' })
export class Interactions {
  private readonly injector = inject(Injector);
  private readonly tracer = trace.getTracer('shop-web');
  private readonly root = labContext(location.search);
  private latest = this.root;

  /** The context of the interaction that began last. */
  get last(): Context {
    return this.latest;
  }

  /** Runs `work` as part of the interaction `name` for each subscriber. */
  trace<T>(name: string, work: () => Observable<T>, attributes: Attributes = {}): Observable<T> {
    return new Observable<T>((subscriber) => {
      const span = this.tracer.startSpan(name, { attributes }, this.root);
      let settled = false;
      const endWhenShown = (): void => {
        settled = true;
        afterNextRender({ read: () => span.end() }, { injector: this.injector });
      };
      this.latest = trace.setSpan(this.root, span);
      const subscription = context.with(this.latest, () =>
        work().subscribe({
          next: (value) => subscriber.next(value),
          error: (error: unknown) => {
            span.setStatus({ code: SpanStatusCode.ERROR });
            endWhenShown();
            subscriber.error(error);
          },
          complete: () => {
            endWhenShown();
            subscriber.complete();
          },
        }),
      );
      return () => {
        subscription.unsubscribe();
        if (settled) return;
        span.addEvent('abandoned');
        span.end();
      };
    });
  }
}
