import { Component, inject, signal } from '@angular/core';
import { FormControl, FormGroup, ReactiveFormsModule, Validators } from '@angular/forms';
import { Router, RouterLink } from '@angular/router';
import type { Money, OrderPage } from '@hopwatch/shop-shared';
import { from, map, type Observable, switchMap } from 'rxjs';
import { Cart } from '../../shop/cart';
import { Checkout } from '../../shop/checkout';
import { ShopApi, type Traced } from '../../shop/shop-api';
import { type ShopProblem, shopProblem } from '../../shop/shop-problem';
import { Interactions } from '../../telemetry/interactions';
import { LinePricePipe } from '../../ui/line-price-pipe';
import { MoneyPipe } from '../../ui/money-pipe';
import { ProblemNotice } from '../../ui/problem-notice';

@Component({
  selector: 'shop-checkout-page',
  imports: [LinePricePipe, MoneyPipe, ProblemNotice, ReactiveFormsModule, RouterLink],
  templateUrl: './checkout-page.html',
  styleUrl: './checkout-page.css',
})
export class CheckoutPage {
  protected readonly cart = inject(Cart);
  private readonly checkout = inject(Checkout);
  private readonly api = inject(ShopApi);
  private readonly interactions = inject(Interactions);
  private readonly router = inject(Router);

  protected readonly form = new FormGroup({
    email: new FormControl('', {
      nonNullable: true,
      validators: [Validators.required, Validators.email, Validators.maxLength(254)],
    }),
  });
  protected readonly placing = signal(false);
  protected readonly problem = signal<ShopProblem | null>(null);
  protected readonly submitted = signal(false);

  protected placeOrder(total: Money, emailField: HTMLInputElement): void {
    if (this.placing()) return;
    this.submitted.set(true);
    if (this.form.invalid) {
      emailField.focus();
      return;
    }
    this.placing.set(true);
    this.problem.set(null);
    const request = this.checkout.request(this.form.getRawValue().email, this.cart.lines(), total);
    this.interactions
      .trace('click place order', () =>
        this.api.placeOrder(request).pipe(switchMap((placed) => this.show(placed))),
      )
      .subscribe({
        error: (error: unknown) => {
          this.placing.set(false);
          this.problem.set(shopProblem(error));
        },
      });
  }

  /** Goes to the order's page; only there is the cart emptied, so that this one does not flicker. */
  private show({ body, traceId }: Traced<OrderPage>): Observable<void> {
    const state = { placed: { body, traceId } };
    return from(this.router.navigate(['/orders', body.order.id], { state, replaceUrl: true })).pipe(
      map(() => {
        this.checkout.done();
        this.cart.clear();
      }),
    );
  }
}
