import { computed, Injectable, signal } from '@angular/core';
import type { Money, Product, ProductOffer } from '@hopwatch/shop-shared';

export interface CartLine {
  readonly product: Product;
  readonly quantity: number;
}

/** As many of one product as an order takes. */
export const MAX_QUANTITY = 99;
/** As many different products as an order takes. */
export const MAX_LINES = 50;

const STORAGE_KEY = 'shop.cart';

/** What the customer means to buy; kept in this browser, so that it outlives the page. */
@Injectable({ providedIn: 'root' })
export class Cart {
  private readonly content = signal<readonly CartLine[]>(load());
  readonly lines = this.content.asReadonly();
  readonly units = computed(() => this.lines().reduce((sum, line) => sum + line.quantity, 0));
  readonly total = computed(() => totalOf(this.lines()));

  /**
   * Puts one more into the cart, at today's price; false if the cart takes no more. Where the stock
   * is not known, the order will tell.
   */
  add({ id, name, description, category, price, stock }: ProductOffer): boolean {
    const quantity = this.quantityOf(id) + 1;
    const isNew = quantity === 1;
    if (quantity > Math.min(stock ?? MAX_QUANTITY, MAX_QUANTITY)) return false;
    if (isNew && this.lines().length >= MAX_LINES) return false;
    const line = { product: { id, name, description, category, price }, quantity };
    this.change((lines) =>
      isNew ? [...lines, line] : lines.map((other) => (other.product.id === id ? line : other)),
    );
    return true;
  }

  setQuantity(productId: string, quantity: number): void {
    const allowed = Math.min(Math.max(Math.trunc(quantity) || 1, 1), MAX_QUANTITY);
    this.change((lines) =>
      lines.map((line) => (line.product.id === productId ? { ...line, quantity: allowed } : line)),
    );
  }

  remove(productId: string): void {
    this.change((lines) => lines.filter((line) => line.product.id !== productId));
  }

  clear(): void {
    this.change(() => []);
  }

  /** Kept at once, not by an effect: the customer may leave the page before one would run. */
  private change(update: (lines: readonly CartLine[]) => readonly CartLine[]): void {
    this.content.update(update);
    save(this.lines());
  }

  private quantityOf(productId: string): number {
    return this.lines().find((line) => line.product.id === productId)?.quantity ?? 0;
  }
}

/** The price of all lines, in the currency of the first; null for an empty cart. */
function totalOf(lines: readonly CartLine[]): Money | null {
  const [first] = lines;
  if (!first) return null;
  const minorUnits = lines.reduce(
    (sum, { product, quantity }) => sum + product.price.minorUnits * quantity,
    0,
  );
  return { currency: first.product.price.currency, minorUnits };
}

function load(): readonly CartLine[] {
  try {
    const lines: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '[]');
    return Array.isArray(lines) ? lines.filter(isCartLine).slice(0, MAX_LINES) : [];
  } catch {
    // Not ours, or the browser keeps nothing for us: an empty cart is the honest answer.
    return [];
  }
}

function save(lines: readonly CartLine[]): void {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(lines));
  } catch (error) {
    console.warn('The cart is not kept beyond this page:', error);
  }
}

function isCartLine(line: Partial<CartLine> | null): line is CartLine {
  const { product, quantity = 0 } = line ?? {};
  return (
    typeof product?.id === 'string' &&
    typeof product.name === 'string' &&
    typeof product.category === 'string' &&
    typeof product.price?.currency === 'string' &&
    Number.isSafeInteger(product.price.minorUnits) &&
    Number.isInteger(quantity) &&
    quantity >= 1 &&
    quantity <= MAX_QUANTITY
  );
}
