import { Component, inject } from '@angular/core';
import { RouterLink } from '@angular/router';
import { Cart, type CartLine, MAX_QUANTITY } from '../../shop/cart';
import { Announcer } from '../../ui/announcer';
import { LinePricePipe } from '../../ui/line-price-pipe';
import { MoneyPipe } from '../../ui/money-pipe';
import { ProductArt } from '../../ui/product-art';

@Component({
  selector: 'shop-cart-page',
  imports: [LinePricePipe, MoneyPipe, ProductArt, RouterLink],
  templateUrl: './cart-page.html',
  styleUrl: './cart-page.css',
})
export class CartPage {
  protected readonly cart = inject(Cart);
  private readonly announcer = inject(Announcer);
  protected readonly maxQuantity = MAX_QUANTITY;

  /** The button goes with its line: keyboards go on from the heading. */
  protected remove({ product }: CartLine, heading: HTMLElement): void {
    this.cart.remove(product.id);
    this.announcer.say(`${product.name} is no longer in your cart`);
    heading.focus();
  }

  protected changeQuantity(line: CartLine, field: HTMLInputElement): void {
    this.cart.setQuantity(line.product.id, field.valueAsNumber);
    // What was typed may have been out of bounds: show what the cart made of it.
    const kept = this.cart.lines().find((other) => other.product.id === line.product.id);
    field.value = `${kept?.quantity ?? ''}`;
  }
}
