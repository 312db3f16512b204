import { Component, computed, input, output } from '@angular/core';
import type { ProductOffer } from '@hopwatch/shop-shared';
import { MoneyPipe } from '../../ui/money-pipe';
import { ProductArt } from '../../ui/product-art';

/** From here on downwards, the customer is told how many units are left. */
const FEW = 10;

@Component({
  selector: 'shop-product-card',
  imports: [MoneyPipe, ProductArt],
  template: `
    <article [class.sold-out]="soldOut()" data-testid="product-card">
      <shop-product-art [product]="offer()" />
      <div class="text">
        <h3>{{ offer().name }}</h3>
        <p class="description">{{ offer().description }}</p>
        <p class="stock" [class.few]="few()" [class.unknown]="offer().stock === null">{{ stock() }}</p>
        <div class="buy">
          <strong>{{ offer().price | money }}</strong>
          <button
            type="button"
            [disabled]="soldOut()"
            [attr.aria-label]="'Add ' + offer().name + ' to the cart'"
            (click)="add.emit()"
            data-testid="add-to-cart"
          >
            Add
          </button>
        </div>
      </div>
    </article>
  `,
  styleUrl: './product-card.css',
})
export class ProductCard {
  readonly offer = input.required<ProductOffer>();
  readonly add = output();

  protected readonly soldOut = computed(() => this.offer().stock === 0);
  protected readonly few = computed(() => {
    const { stock } = this.offer();
    return stock !== null && stock > 0 && stock <= FEW;
  });
  protected readonly stock = computed(() => {
    if (this.offer().stock === null) return 'Stock unknown';
    if (this.soldOut()) return 'Sold out';
    return this.few() ? `Only ${this.offer().stock} left` : 'In stock';
  });
}
