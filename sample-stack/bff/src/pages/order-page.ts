import type { OrderPage, OrderRequest } from '@hopwatch/shop-shared';
import type { FastifyBaseLogger } from 'fastify';
import type { OrdersBackend } from '../backend/orders-backend';
import { orderOf, productOf } from './api-types';
import { Degradation } from './degradation';

const RECOMMENDATIONS = 6;

/** Places an order; what goes with it is looked up meanwhile. */
export async function placeOrder(
  backend: OrdersBackend,
  log: FastifyBaseLogger,
  request: OrderRequest,
): Promise<OrderPage> {
  const degradation = new Degradation(log);
  const productIds = request.lines.map((line) => line.productId);
  const [order, recommended] = await Promise.all([
    backend.placeOrder({
      idempotencyKey: request.idempotencyKey,
      customerEmail: request.email,
      expectedTotal: request.expectedTotal,
      lines: request.lines.map((line) => ({ ...line, unitPrice: undefined, productName: '' })),
    }),
    degradation.orElse([], 'recommendations', backend.recommend(productIds, RECOMMENDATIONS)),
  ]);
  return {
    order: orderOf(order),
    recommendations: recommended.map(productOf),
    missing: degradation.missing,
  };
}

/** An order that was placed before, with what goes with it. */
export async function orderPage(
  backend: OrdersBackend,
  log: FastifyBaseLogger,
  orderId: string,
): Promise<OrderPage> {
  const order = orderOf(await backend.getOrder(orderId));
  const degradation = new Degradation(log);
  const productIds = order.lines.map((line) => line.productId);
  const recommended = await degradation.orElse(
    [],
    'recommendations',
    backend.recommend(productIds, RECOMMENDATIONS),
  );
  return {
    order,
    recommendations: recommended.map(productOf),
    missing: degradation.missing,
  };
}
