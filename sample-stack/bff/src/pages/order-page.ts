import type { OrderPage, OrderRequest } from '@hopwatch/shop-shared';
import type { FastifyBaseLogger } from 'fastify';
import type { OrdersBackend } from '../backend/orders-backend';
import { orderOf, productOf } from './api-types';
import { recommendations } from './recommendations';

/** Places an order; what goes with it is looked up meanwhile. */
export async function placeOrder(
  backend: OrdersBackend,
  log: FastifyBaseLogger,
  request: OrderRequest,
): Promise<OrderPage> {
  const [order, recommended] = await Promise.all([
    backend.placeOrder({
      idempotencyKey: request.idempotencyKey,
      customerEmail: request.email,
      expectedTotal: request.expectedTotal,
      lines: request.lines.map((line) => ({ ...line, unitPrice: undefined, productName: '' })),
    }),
    recommendations(
      backend,
      log,
      request.lines.map((line) => line.productId),
    ),
  ]);
  return { order: orderOf(order), recommendations: recommended.map(productOf) };
}

/** An order that was placed before, with what goes with it. */
export async function orderPage(
  backend: OrdersBackend,
  log: FastifyBaseLogger,
  orderId: string,
): Promise<OrderPage> {
  const order = orderOf(await backend.getOrder(orderId));
  const productIds = order.lines.map((line) => line.productId);
  const recommended = await recommendations(backend, log, productIds);
  return { order, recommendations: recommended.map(productOf) };
}
