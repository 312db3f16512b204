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
  beforeEach(() => sessionStorage.clear());

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

  it('gives the same order the same key after a reload', () => {
    const first = TestBed.inject(Checkout).request('ada@example.org', LINES, TOTAL);
    TestBed.resetTestingModule();
    expect(TestBed.inject(Checkout).request('ada@example.org', LINES, TOTAL)).toEqual(first);
    TestBed.inject(Checkout).done();
    TestBed.resetTestingModule();
    const again = TestBed.inject(Checkout).request('ada@example.org', LINES, TOTAL);
    expect(again.idempotencyKey).not.toBe(first.idempotencyKey);
  });

  it.each(['not JSON', '[]', '{"content": 1}'])(
    'ignores what it cannot have stored: %s',
    (text) => {
      sessionStorage.setItem('shop.checkout', text);
      const request = TestBed.inject(Checkout).request('ada@example.org', LINES, TOTAL);
      expect(request.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/);
    },
  );
});
