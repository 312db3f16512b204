import { Component, effect, inject, input, signal, untracked } from '@angular/core';
import { RouterLink } from '@angular/router';
import type { ProductOffer } from '@hopwatch/shop-shared';
import type { Subscription } from 'rxjs';
import { Cart } from '../../shop/cart';
import { ShopApi } from '../../shop/shop-api';
import { type ShopProblem, shopProblem } from '../../shop/shop-problem';
import { Interactions } from '../../telemetry/interactions';
import { Announcer } from '../../ui/announcer';
import { ProblemNotice } from '../../ui/problem-notice';
import { ProductCard } from './product-card';

/** The catalogue: a category at a time, and what sells best. */
@Component({
  selector: 'shop-products-page',
  imports: [ProblemNotice, ProductCard, RouterLink],
  templateUrl: './products-page.html',
  styleUrl: './products-page.css',
})
export class ProductsPage {
  /** From the address: empty for all categories. */
  readonly category = input('');

  private readonly api = inject(ShopApi);
  private readonly cart = inject(Cart);
  private readonly announcer = inject(Announcer);
  private readonly interactions = inject(Interactions);

  protected readonly categories = signal<readonly string[]>([]);
  protected readonly products = signal<readonly ProductOffer[]>([]);
  protected readonly recommendations = signal<readonly ProductOffer[]>([]);
  protected readonly nextPage = signal<string | null>(null);
  protected readonly loading = signal(false);
  protected readonly problem = signal<ShopProblem | null>(null);
  protected readonly placeholders = Array.from({ length: 8 });

  constructor() {
    effect((onCleanup) => {
      const category = this.category();
      const subscription = untracked(() => {
        this.products.set([]);
        this.nextPage.set(null);
        return this.load('load products', category, '');
      });
      onCleanup(() => subscription.unsubscribe());
    });
  }

  protected showMore(page: string): void {
    this.load('click show more', this.category(), page);
  }

  protected retry(): void {
    this.load('click try again', this.category(), this.nextPage() ?? '');
  }

  protected addToCart(offer: ProductOffer): void {
    const added = this.cart.add(offer);
    this.announcer.say(
      added
        ? `${offer.name} is in your cart`
        : `There are no more than these of ${offer.name} for you`,
    );
  }

  private load(interaction: string, category: string, page: string): Subscription {
    this.loading.set(true);
    this.problem.set(null);
    return this.interactions
      .trace(interaction, () => this.api.products(category, page))
      .subscribe({
        next: (answer) => {
          this.loading.set(false);
          this.categories.set(answer.categories);
          this.products.update((shown) => [...shown, ...answer.products]);
          this.recommendations.set(answer.recommendations);
          this.nextPage.set(answer.nextPage);
        },
        error: (error: unknown) => {
          this.loading.set(false);
          this.problem.set(shopProblem(error));
        },
      });
  }
}
