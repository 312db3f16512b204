import { Component, computed, input, output } from '@angular/core';
import type { PagePart } from '@hopwatch/shop-shared';

const NAMES: Readonly<Record<PagePart, string>> = {
  categories: 'the categories',
  recommendations: 'our recommendations',
  stock: 'how many are in stock',
};
const LIST = new Intl.ListFormat('en');

/** Says what a page has to do without because a service failed; the rest of it works. */
@Component({
  selector: 'shop-missing-notice',
  template: `
    <div class="notice" role="status" data-testid="missing-parts">
      <p>We cannot show {{ parts() }} right now. You can order all the same.</p>
      <button type="button" class="quiet" (click)="retry.emit()" data-testid="retry-missing">
        Try again
      </button>
    </div>
  `,
  styles: `
    .notice {
      display: flex;
      flex-wrap: wrap;
      gap: 0.6rem 1.2rem;
      align-items: center;
      justify-content: space-between;
      margin-block-end: 1.25rem;
      padding: 0.7rem 1.2rem;
      border: 1px solid var(--warn);
      border-radius: var(--radius);
      background: var(--warn-surface);
    }
    p {
      margin: 0;
    }
  `,
})
export class MissingNotice {
  readonly missing = input.required<readonly PagePart[]>();
  readonly retry = output();
  protected readonly parts = computed(() => LIST.format(this.missing().map((part) => NAMES[part])));
}
