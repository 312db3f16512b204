import { Location } from '@angular/common';
import { provideHttpClient } from '@angular/common/http';
import { HttpTestingController, provideHttpClientTesting } from '@angular/common/http/testing';
import { Component } from '@angular/core';
import { type ComponentFixture, TestBed } from '@angular/core/testing';
import { provideRouter, Router } from '@angular/router';
import { Cart } from '../../shop/cart';
import { CheckoutPage } from './checkout-page';

const PRICE = { currency: 'EUR', minorUnits: 1999 };
const LAMP = { id: 'a', name: 'Lamp', description: '', category: 'Lighting', price: PRICE };
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

@Component({ template: '' })
class Elsewhere {}

describe('CheckoutPage', () => {
  let fixture: ComponentFixture<CheckoutPage>;
  let server: HttpTestingController;

  beforeEach(async () => {
    localStorage.clear();
    sessionStorage.clear();
    TestBed.configureTestingModule({
      providers: [
        provideRouter([{ path: 'orders/:id', component: Elsewhere }]),
        provideHttpClient(),
        provideHttpClientTesting(),
      ],
    });
    TestBed.inject(Cart).add({ ...LAMP, stock: 9 });
    server = TestBed.inject(HttpTestingController);
    fixture = TestBed.createComponent(CheckoutPage);
    await fixture.whenStable();
  });
  afterEach(() => server.verify());

  function find<T extends HTMLElement>(testId: string): T | null {
    return fixture.nativeElement.querySelector(`[data-testid=${testId}]`);
  }

  async function placeOrder(email: string): Promise<void> {
    const field = find<HTMLInputElement>('email-input');
    if (field) field.value = email;
    field?.dispatchEvent(new Event('input'));
    find('place-order')?.click();
    await fixture.whenStable();
  }

  it('asks for an e-mail address before it sends anything', async () => {
    await placeOrder('ada');
    expect(find('email-error')).not.toBeNull();
    server.expectNone('/api/orders');
  });

  it('sends the cart once, shows the order, and empties the cart', async () => {
    await placeOrder('ada@example.org');
    expect(find<HTMLButtonElement>('place-order')?.disabled).toBe(true);
    const request = server.expectOne('/api/orders');
    expect(request.request.body).toMatchObject({
      email: 'ada@example.org',
      expectedTotal: PRICE,
      lines: [{ productId: 'a', quantity: 1 }],
    });
    const headers = { traceresponse: `00-${TRACE_ID}-00f067aa0ba902b7-01` };
    request.flush(
      { order: { id: 'o/1' }, recommendations: [], missing: [] },
      { headers, status: 201, statusText: 'Created' },
    );
    await fixture.whenStable();
    expect(TestBed.inject(Router).url).toBe('/orders/o%2F1');
    expect(TestBed.inject(Location).getState()).toMatchObject({ placed: { traceId: TRACE_ID } });
    expect(TestBed.inject(Cart).lines()).toEqual([]);
  });

  it('tells what the shop refuses, keeps the cart, and can be tried again', async () => {
    await placeOrder('ada@example.org');
    const first = server.expectOne('/api/orders');
    const problem = { title: 'Conflict', status: 409, detail: 'out of stock', traceId: TRACE_ID };
    first.flush(problem, { status: 409, statusText: 'Conflict' });
    await fixture.whenStable();
    expect(find('error-message')?.textContent).toContain('out of stock');
    expect(find('error-message')?.textContent).toContain(TRACE_ID);
    expect(find('retry')).toBeNull();
    expect(TestBed.inject(Cart).units()).toBe(1);

    await placeOrder('ada@example.org');
    const second = server.expectOne('/api/orders');
    expect(second.request.body.idempotencyKey).toBe(first.request.body.idempotencyKey);
    second.flush('', { status: 503, statusText: 'Unavailable' });
    await fixture.whenStable();
    expect(find('retry')).not.toBeNull();
  });
});
