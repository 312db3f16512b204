import { TestBed } from '@angular/core/testing';
import { Checkout } from './checkout';

const TOTAL = { currency: 'EUR', minorUnits: 250 };
const LINES = [
  {
    product: { id: 'a', name: 'A', description: '', category: 'Bath', price: TOTAL },
    quantity: 1,
  },
];

describe('Checkout', () => {
  it('gives the same order the same key, and a changed or a new one another', () => {
    const checkout = TestBed.inject(Checkout);
    const first = checkout.request('ada@example.org', LINES, TOTAL);
    expect(first.lines).toEqual([{ productId: 'a', quantity: 1 }]);
    expect(first.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/);
    expect(checkout.request('ada@example.org', LINES, TOTAL)).toEqual(first);
    const changed = checkout.request('eve@example.org', LINES, TOTAL);
    expect(changed.idempotencyKey).not.toBe(first.idempotencyKey);
    checkout.done();
    const again = checkout.request('eve@example.org', LINES, TOTAL);
    expect(again.idempotencyKey).not.toBe(changed.idempotencyKey);
  });
});
