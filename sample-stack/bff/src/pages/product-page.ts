import type { ProductOffer, ProductPage } from '@hopwatch/shop-shared';
import type { FastifyBaseLogger } from 'fastify';
import type { OrdersBackend } from '../backend/orders-backend';
import type { Product } from '../gen/hopwatch/shop/v1/shop';
import { productOf } from './api-types';
import { recommendations } from './recommendations';

const PRODUCTS_PER_PAGE = 24;

/**
 * Everything that the products page shows, in two rounds of calls: what there is, side by side;
 * then the stock of all of it, for which the ids are needed.
 */
export async function productPage(
  backend: OrdersBackend,
  log: FastifyBaseLogger,
  { category, page }: { category: string; page: string },
): Promise<ProductPage> {
  const [categories, list, recommended] = await Promise.all([
    backend.listCategories(),
    backend.listProducts(category, PRODUCTS_PER_PAGE, page),
    recommendations(backend, log, []),
  ]);
  const ids = new Set([...list.products, ...recommended].map((product) => product.id));
  const stock = ids.size > 0 ? await backend.getStock([...ids]) : new Map<string, number>();
  const offerOf = (product: Product): ProductOffer => ({
    ...productOf(product),
    stock: stock.get(product.id) ?? 0,
  });
  return {
    categories,
    products: list.products.map(offerOf),
    recommendations: recommended.map(offerOf),
    nextPage: list.nextPageToken || null,
  };
}
