import { DatePipe, Location } from '@angular/common';
import { Component, effect, inject, input, signal, untracked } from '@angular/core';
import { RouterLink } from '@angular/router';
import type { OrderPage as OrderContent } from '@hopwatch/shop-shared';
import { EMPTY, type Subscription } from 'rxjs';
import { ShopApi, type Traced } from '../../shop/shop-api';
import { type ShopProblem, shopProblem } from '../../shop/shop-problem';
import { Interactions } from '../../telemetry/interactions';
import { MoneyPipe } from '../../ui/money-pipe';
import { ProblemNotice } from '../../ui/problem-notice';
import { ProductArt } from '../../ui/product-art';
import { TraceNotice } from './trace-notice';

/** An order: as it was just placed, or looked up by its id. */
@Component({
  selector: 'shop-order-page',
  imports: [DatePipe, MoneyPipe, ProblemNotice, ProductArt, RouterLink, TraceNotice],
  templateUrl: './order-page.html',
  styleUrl: './order-page.css',
})
export class OrderPage {
  /** From the address. */
  readonly id = input.required<string>();

  private readonly api = inject(ShopApi);
  private readonly interactions = inject(Interactions);
  private readonly location = inject(Location);

  protected readonly order = signal<Traced<OrderContent> | null>(null);
  protected readonly justPlaced = signal(false);
  protected readonly problem = signal<ShopProblem | null>(null);

  constructor() {
    effect((onCleanup) => {
      const id = this.id();
      const subscription = untracked(() => this.show(id));
      onCleanup(() => subscription.unsubscribe());
    });
  }

  protected show(id: string): Subscription {
    const placed = this.placedOrder(id);
    this.justPlaced.set(placed !== null);
    this.order.set(placed);
    if (placed) return EMPTY.subscribe();
    this.problem.set(null);
    return this.interactions
      .trace('load order', () => this.api.order(id))
      .subscribe({
        next: (order) => this.order.set(order),
        error: (error: unknown) => this.problem.set(shopProblem(error)),
      });
  }

  /** The order that the checkout handed over with the navigation, if it is this one. */
  private placedOrder(id: string): Traced<OrderContent> | null {
    const state = this.location.getState() as { placed?: Traced<OrderContent> } | null;
    return state?.placed?.body.order.id === id ? state.placed : null;
  }
}
