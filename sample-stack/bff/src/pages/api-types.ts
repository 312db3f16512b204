import type * as api from '@hopwatch/shop-shared';
import { type Money, type Order, OrderStatus, type Product } from '../gen/hopwatch/shop/v1/shop';

/** A service answered something that its contract rules out. */
export class ContractError extends Error {}

export function productOf({ id, name, description, category, price }: Product): api.Product {
  return { id, name, description, category, price: moneyOf(price, `product ${id}: price`) };
}

export function orderOf(order: Order): api.Order {
  const where = `order ${order.id}`;
  if (order.status !== OrderStatus.PLACED) {
    throw new ContractError(`${where}: unknown status ${order.status}`);
  }
  if (!order.placedAt) throw new ContractError(`${where}: no time`);
  return {
    id: order.id,
    lines: order.lines.map((line) => ({
      productId: line.productId,
      name: line.productName,
      quantity: line.quantity,
      unitPrice: moneyOf(line.unitPrice, `${where}: unit price of ${line.productId}`),
    })),
    total: moneyOf(order.total, `${where}: total`),
    status: 'placed',
    // REST tells microseconds, gRPC's code here does not: the page is to be the same by either.
    placedAt: new Date(order.placedAt).toISOString(),
    email: order.customerEmail,
  };
}

function moneyOf(money: Money | undefined, what: string): api.Money {
  if (!money) throw new ContractError(`${what} is missing`);
  return { currency: money.currency, minorUnits: money.minorUnits };
}
