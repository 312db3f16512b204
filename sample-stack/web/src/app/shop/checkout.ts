import { Injectable } from '@angular/core';
import type { Money, OrderRequest } from '@hopwatch/shop-shared';
import type { CartLine } from './cart';

const STORAGE_KEY = 'shop.checkout';

/** The order that was last sent, and its key. */
interface Attempt {
  readonly content: string;
  readonly key: string;
}

/**
 * Turns the cart into an order, so that trying again cannot order twice: also not after a reload of
 * a page whose answer never came.
 */
@Injectable({ providedIn: 'root' })
export class Checkout {
  private last = load();

  /** The same content gets the same idempotency key, until it changes. */
  request(email: string, lines: readonly CartLine[], expectedTotal: Money): OrderRequest {
    const order = {
      email,
      expectedTotal,
      lines: lines.map(({ product, quantity }) => ({ productId: product.id, quantity })),
    };
    const content = JSON.stringify(order);
    const attempt =
      this.last?.content === content ? this.last : { content, key: crypto.randomUUID() };
    this.remember(attempt);
    return { idempotencyKey: attempt.key, ...order };
  }

  /** The order was placed: the same content is a new order from now on. */
  done(): void {
    this.remember(null);
  }

  private remember(attempt: Attempt | null): void {
    this.last = attempt;
    try {
      sessionStorage.setItem(STORAGE_KEY, JSON.stringify(attempt));
    } catch (error) {
      console.warn('An order that is sent again after a reload would be placed twice:', error);
    }
  }
}

function load(): Attempt | null {
  try {
    const stored = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? 'null');
    return typeof stored?.content === 'string' && typeof stored.key === 'string' ? stored : null;
  } catch {
    // Not ours, or the browser keeps nothing for us: as if no order had been sent.
    return null;
  }
}
