import { DatePipe, Location } from '@angular/common';
import { Component, DestroyRef, effect, inject, input, signal, untracked } from '@angular/core';
import { RouterLink } from '@angular/router';
import type { OrderPage as OrderContent } from '@hopwatch/shop-shared';
import { Subscription } from 'rxjs';
import { ShopApi, type Traced } from '../../shop/shop-api';
import { type ShopProblem, shopProblem } from '../../shop/shop-problem';
import { Interactions } from '../../telemetry/interactions';
import { MissingNotice } from '../../ui/missing-notice';
import { MoneyPipe } from '../../ui/money-pipe';
import { ProblemNotice } from '../../ui/problem-notice';
import { ProductArt } from '../../ui/product-art';
import { TraceNotice } from './trace-notice';

/** An order: as it was just placed, or looked up by its id. */
@Component({
  selector: 'shop-order-page',
  imports: [DatePipe, MissingNotice, MoneyPipe, ProblemNotice, ProductArt, RouterLink, TraceNotice],
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

  private subscription = new Subscription();

  constructor() {
    effect(() => {
      const id = this.id();
      untracked(() => this.show(id));
    });
    inject(DestroyRef).onDestroy(() => this.subscription.unsubscribe());
  }

  private show(id: string): void {
    const placed = this.placedOrder(id);
    this.justPlaced.set(placed !== null);
    this.order.set(placed);
    if (!placed) this.lookUp(id);
  }

  protected lookUp(id: string): void {
    this.subscription.unsubscribe();
    this.problem.set(null);
    this.subscription = this.interactions
      .trace('load order', () => this.api.order(id))
      .subscribe({
        next: (order) => {
          this.justPlaced.set(false);
          this.order.set(order);
        },
        error: (error: unknown) => this.problem.set(shopProblem(error)),
      });
  }

  /** The order that the checkout handed over with the navigation, if it is this one. */
  private placedOrder(id: string): Traced<OrderContent> | null {
    const state = this.location.getState() as { placed?: Traced<OrderContent> } | null;
    return state?.placed?.body.order.id === id ? state.placed : null;
  }
}
