import { Injectable } from '@angular/core';
import type { Money, OrderRequest } from '@hopwatch/shop-shared';
import type { CartLine } from './cart';

/** Turns the cart into an order, so that trying again cannot order twice. */
@Injectable({ providedIn: 'root' })
export class Checkout {
  private last = { content: '', key: '' };

  /** The same content gets the same idempotency key, until it changes. */
  request(email: string, lines: readonly CartLine[], expectedTotal: Money): OrderRequest {
    const order = {
      email,
      expectedTotal,
      lines: lines.map(({ product, quantity }) => ({ productId: product.id, quantity })),
    };
    const content = JSON.stringify(order);
    if (content !== this.last.content) this.last = { content, key: crypto.randomUUID() };
    return { idempotencyKey: this.last.key, ...order };
  }

  /** The order was placed: the same content is a new order from now on. */
  done(): void {
    this.last = { content: '', key: '' };
  }
}
