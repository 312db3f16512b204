import type { FastifyBaseLogger } from 'fastify';
import type { OrdersBackend } from '../backend/orders-backend';
import type { Product } from '../gen/hopwatch/shop/v1/shop';

const RECOMMENDATIONS = 6;

/** Products that go with those given. Without them a page is poorer but whole: none on failure. */
export async function recommendations(
  backend: OrdersBackend,
  log: FastifyBaseLogger,
  productIds: string[],
): Promise<Product[]> {
  try {
    return await backend.recommend(productIds, RECOMMENDATIONS);
  } catch (error) {
    log.warn({ err: error }, 'the page goes without recommendations');
    return [];
  }
}
