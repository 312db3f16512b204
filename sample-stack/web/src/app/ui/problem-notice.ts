import { Component, input, output } from '@angular/core';
import type { ShopProblem } from '../shop/shop-problem';

/** Says what went wrong, where to look, and offers to try again. */
@Component({
  selector: 'shop-problem-notice',
  template: `
    <div class="notice" role="alert" data-testid="error-message">
      <p class="detail">{{ problem().detail }}</p>
      @if (problem().traceId; as traceId) {
        <p class="trace">
          Trace <code>{{ traceId }}</code>
        </p>
      }
      @if (problem().retryable) {
        <button type="button" class="quiet" (click)="retry.emit()" data-testid="retry">
          Try again
        </button>
      }
    </div>
  `,
  styles: `
    .notice {
      display: grid;
      gap: 0.5rem;
      justify-items: start;
      padding: 1rem 1.2rem;
      border: 1px solid var(--danger);
      border-radius: var(--radius);
      background: var(--danger-surface);
    }
    p {
      margin: 0;
      overflow-wrap: anywhere;
    }
    .detail {
      font-weight: 550;
    }
    .trace {
      color: var(--muted);
      font-size: 0.9rem;
    }
  `,
})
export class ProblemNotice {
  readonly problem = input.required<ShopProblem>();
  readonly retry = output();
}
