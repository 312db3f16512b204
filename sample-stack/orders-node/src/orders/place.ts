import { status as Code } from '@grpc/grpc-js';
import { v7 as uuidv7 } from 'uuid';
import type { Call } from '../call';
import { CallError, quoted, refused } from '../call-error';
import type { Catalog, Product } from '../catalog/catalog';
import { suspicion } from '../fraud';
import { formatMoney } from '../money';
import type { Payments } from '../payments';
import { isDuplicate } from '../postgres/errors';
import type { Stock } from '../stock/stock';
import { answers, type Line, type Order, type OrderRequest } from './order';
import type { OrderStore } from './store';

interface Modules {
  readonly store: OrderStore;
  readonly catalog: Catalog;
  readonly stock: Stock;
  readonly payments: Payments;
}

/** Places orders. */
export class Orders {
  constructor(private readonly modules: Modules) {}

  /**
   * Checks the request, and writes order and payment, or leaves nothing behind. The same request
   * with the same idempotency key gives the same order again.
   */
  async place(call: Call, request: OrderRequest): Promise<Order> {
    const placed = await this.replay(call, request);
    if (placed) return placed;
    try {
      return await this.placeNew(call, request);
    } catch (error) {
      // The same request may have been faster (and have taken the last units), or ours may have
      // been done by a commit whose answer was lost.
      const done = isDuplicate(error) || isRefusal(error) ? await this.replay(call, request) : null;
      if (done) return done;
      throw error;
    }
  }

  /** The order that the idempotency key was used for before, if it was. */
  private async replay(call: Call, request: OrderRequest): Promise<Order | null> {
    const placed = await this.modules.store.byIdempotencyKey(call, request.idempotencyKey);
    if (placed && !answers(placed, request)) {
      throw new CallError(
        Code.ALREADY_EXISTS,
        `idempotency_key ${request.idempotencyKey} was used for a different order`,
      );
    }
    return placed;
  }

  /** Places an order of which nothing is known. */
  private async placeNew(call: Call, request: OrderRequest): Promise<Order> {
    const { store, stock, payments } = this.modules;
    const { idempotencyKey, customerEmail, expectedTotal: total } = request;
    const lines = await this.check(call, request);
    const id = uuidv7();
    const paymentId = await payments.authorise(call, { orderId: id, amount: total, customerEmail });
    const order = { id, idempotencyKey, paymentId, customerEmail, lines, total };
    return { ...order, placedAt: await store.insert(call, order, payments, stock) };
  }

  /**
   * Looks at prices, stock and fraud side by side and returns the lines with names and prices. If
   * several refuse, the answer does not depend on which was first.
   */
  private async check(call: Call, request: OrderRequest): Promise<Line[]> {
    const { store, catalog, stock } = this.modules;
    const { customerEmail, expectedTotal: total } = request;
    const ids = request.lines.map(({ productId }) => productId);
    const [products, levels, recent] = await allEnded([
      catalog.lookup(call, ids),
      stock.levels(call, ids),
      store.recentOrders(call, customerEmail),
    ]);
    const lines = price(request, products);
    for (const { productId, productName, quantity } of lines) {
      const units = levels.get(productId) ?? 0;
      if (units < quantity) {
        throw refused(`${productName} (${productId}): ${quantity} wanted, ${units} in stock`);
      }
    }
    const largestQuantity = Math.max(...lines.map(({ quantity }) => quantity));
    const reasons = suspicion({ customerEmail, total, largestQuantity }, recent);
    if (reasons !== null) throw refused(`the order looks fraudulent: ${reasons}`);
    return lines;
  }
}

/**
 * The lines of the request with names and prices, if they add up to what the customer was shown.
 */
function price({ lines, expectedTotal }: OrderRequest, products: Map<string, Product>): Line[] {
  const { currency } = expectedTotal;
  let minorUnits = 0n;
  const priced = lines.map(({ productId, quantity }) => {
    const product = products.get(productId);
    if (!product) throw new CallError(Code.NOT_FOUND, `there is no product ${productId}`);
    if (product.price.currency !== currency) {
      throw refused(
        `${productId} is sold in ${product.price.currency}, not in ${quoted(currency)}`,
      );
    }
    minorUnits += product.price.minorUnits * BigInt(quantity);
    return { productId, productName: product.name, quantity, unitPrice: product.price };
  });
  if (minorUnits !== expectedTotal.minorUnits) {
    const total = formatMoney({ currency, minorUnits });
    throw refused(`the total is ${total} now, not ${formatMoney(expectedTotal)}`);
  }
  return priced;
}

function isRefusal(error: unknown): boolean {
  return error instanceof CallError && error.code === Code.FAILED_PRECONDITION;
}

/** As Promise.all, but nothing is left running when one fails. */
async function allEnded<Results extends readonly unknown[]>(
  promises: {
    readonly [Index in keyof Results]: Promise<Results[Index]>;
  },
): Promise<Results> {
  await Promise.allSettled(promises);
  return (await Promise.all(promises)) as unknown as Results;
}
