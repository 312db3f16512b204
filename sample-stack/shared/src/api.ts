/**
 * The API between the page and the BFF: JSON over HTTP, one response per page.
 *
 *     GET  /api/products?category=&page=   ProductPage
 *     POST /api/orders     OrderRequest    OrderPage (201)
 *     GET  /api/orders/:id                 OrderPage
 *
 * Every error is a {@link Problem}.
 */

/** An amount in minor units (cents) of an ISO 4217 currency. */
export interface Money {
  readonly currency: string;
  readonly minorUnits: number;
}

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly category: string;
  readonly price: Money;
}

/** A product as it can be bought now. */
export interface ProductOffer extends Product {
  /** Units at hand; null where the stock could not be had. */
  readonly stock: number | null;
}

/** What a page can do without when a service fails or is slow. */
export type PagePart = 'categories' | 'recommendations' | 'stock';

export interface ProductPage {
  readonly categories: readonly string[];
  readonly products: readonly ProductOffer[];
  readonly recommendations: readonly ProductOffer[];
  /** The `page` to ask for next; null on the last page. */
  readonly nextPage: string | null;
  readonly missing: readonly PagePart[];
}

export interface OrderRequest {
  /** A UUID chosen by the page: the same key and content gives the same order again. */
  readonly idempotencyKey: string;
  readonly email: string;
  readonly lines: readonly { readonly productId: string; readonly quantity: number }[];
  /** What the customer was shown; an order at another price is refused. */
  readonly expectedTotal: Money;
}

export interface OrderLine {
  readonly productId: string;
  readonly name: string;
  readonly quantity: number;
  /** The price paid for one. */
  readonly unitPrice: Money;
}

export interface Order {
  readonly id: string;
  readonly lines: readonly OrderLine[];
  readonly total: Money;
  readonly status: 'placed';
  /** RFC 3339. */
  readonly placedAt: string;
  readonly email: string;
}

export interface OrderPage {
  readonly order: Order;
  /** What goes with the order. */
  readonly recommendations: readonly Product[];
  readonly missing: readonly PagePart[];
}

/** RFC 9457 problem details, as application/problem+json. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What was wrong with this request, and what to do, in words for the customer. */
  readonly detail: string;
  /** The trace to look at. */
  readonly traceId?: string;
}
