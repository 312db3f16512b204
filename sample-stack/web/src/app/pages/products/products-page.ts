import {
  Component,
  computed,
  DestroyRef,
  effect,
  inject,
  input,
  signal,
  untracked,
} from '@angular/core';
import { RouterLink } from '@angular/router';
import type { PagePart, ProductOffer } from '@hopwatch/shop-shared';
import { Subscription } from 'rxjs';
import { Cart } from '../../shop/cart';
import { ShopApi } from '../../shop/shop-api';
import { type ShopProblem, shopProblem } from '../../shop/shop-problem';
import { Interactions } from '../../telemetry/interactions';
import { Announcer } from '../../ui/announcer';
import { MissingNotice } from '../../ui/missing-notice';
import { ProblemNotice } from '../../ui/problem-notice';
import { ProductCard } from './product-card';

/** The catalogue: a category at a time, and what sells best. */
@Component({
  selector: 'shop-products-page',
  imports: [MissingNotice, ProblemNotice, ProductCard, RouterLink],
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
  protected readonly missing = signal<readonly PagePart[]>([]);
  protected readonly loading = signal(false);
  protected readonly problem = signal<ShopProblem | null>(null);
  protected readonly placeholders = Array.from({ length: 8 });
  protected readonly shown = computed(() => {
    const count = this.products().length;
    if (count === 0) return this.loading() ? 'Loading products …' : '';
    return `${count} ${count === 1 ? 'product' : 'products'}${this.nextPage() ? ', and more' : ''}`;
  });
  private subscription = new Subscription();

  constructor() {
    effect(() => {
      this.category();
      untracked(() => this.start('load products'));
    });
    inject(DestroyRef).onDestroy(() => this.subscription.unsubscribe());
  }

  /** From the first product on, to have what was missing. */
  protected reload(): void {
    this.start('click try again');
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

  private start(interaction: string): void {
    this.products.set([]);
    this.nextPage.set(null);
    this.missing.set([]);
    this.load(interaction, this.category(), '');
  }

  /** Adds a page of products; the request before is given up. */
  private load(interaction: string, category: string, page: string): void {
    this.subscription.unsubscribe();
    this.loading.set(true);
    this.problem.set(null);
    this.subscription = this.interactions
      .trace(interaction, () => this.api.products(category, page))
      .subscribe({
        next: (answer) => {
          this.loading.set(false);
          if (!answer.missing.includes('categories')) this.categories.set(answer.categories);
          this.products.update((shown) => [...shown, ...answer.products]);
          this.recommendations.set(answer.recommendations);
          this.nextPage.set(answer.nextPage);
          this.missing.set(answer.missing);
        },
        error: (error: unknown) => {
          this.loading.set(false);
          this.problem.set(shopProblem(error));
        },
      });
  }
}
