import { TestBed } from '@angular/core/testing';
import type { ProductOffer } from '@hopwatch/shop-shared';
import { Cart, MAX_LINES } from './cart';

const STORAGE_KEY = 'shop.cart';

function offer(id: string, stock: number | null = 5): ProductOffer {
  const price = { currency: 'EUR', minorUnits: 250 };
  return { id, name: `Product ${id}`, description: '', category: 'Bath', price, stock };
}

describe('Cart', () => {
  beforeEach(() => localStorage.clear());

  it('counts units and adds up prices', () => {
    const cart = TestBed.inject(Cart);
    expect(cart.total()).toBeNull();
    cart.add(offer('a'));
    cart.add(offer('b'));
    cart.add(offer('a'));
    expect(cart.units()).toBe(3);
    expect(cart.total()).toEqual({ currency: 'EUR', minorUnits: 750 });
    expect(cart.lines().map((line) => [line.product.id, line.quantity])).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
  });

  it('takes no more than there are, and no more lines than an order has', () => {
    const cart = TestBed.inject(Cart);
    expect(cart.add(offer('sold out', 0))).toBe(false);
    expect(cart.add(offer('last', 1))).toBe(true);
    expect(cart.add(offer('last', 1))).toBe(false);
    expect(cart.add(offer('unknown', null))).toBe(true);
    for (let i = 2; i < MAX_LINES; i++) expect(cart.add(offer(`p${i}`))).toBe(true);
    expect(cart.add(offer('one too many'))).toBe(false);
    expect(cart.add(offer('p2'))).toBe(true);
  });

  it('keeps quantities within bounds, whatever was typed', () => {
    const cart = TestBed.inject(Cart);
    cart.add(offer('a'));
    for (const [typed, kept] of [
      [7, 7],
      [0, 1],
      [-3, 1],
      [1000, 99],
      [2.7, 2],
      [Number.NaN, 1],
    ] as const) {
      cart.setQuantity('a', typed);
      expect(cart.units()).toBe(kept);
    }
    cart.remove('a');
    expect(cart.lines()).toEqual([]);
  });

  it('outlives the page', () => {
    TestBed.inject(Cart).add(offer('a'));
    TestBed.resetTestingModule();
    expect(TestBed.inject(Cart).lines()[0]?.product.name).toBe('Product a');
  });

  it.each([
    'not JSON',
    '{"a":1}',
    '[null, 1, {"product":{"id":"a"},"quantity":1}]',
    '[{"product":{"id":"a","name":"A","category":"c","price":{"currency":"EUR","minorUnits":1}},"quantity":0}]',
  ])('starts empty from what it cannot have stored: %s', (stored) => {
    localStorage.setItem(STORAGE_KEY, stored);
    expect(TestBed.inject(Cart).lines()).toEqual([]);
  });
});
