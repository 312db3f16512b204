import type { ProductOffer, ProductPage } from '@hopwatch/shop-shared';
import type { FastifyBaseLogger } from 'fastify';
import type { OrdersBackend } from '../backend/orders-backend';
import type { Product } from '../gen/hopwatch/shop/v1/shop';
import { productOf } from './api-types';
import { Degradation } from './degradation';

const PRODUCTS_PER_PAGE = 24;
const RECOMMENDATIONS = 6;

/**
 * Everything that the products page shows, in two rounds of calls: what there is, side by side;
 * then the stock of all of it, for which the ids are needed. Only the products must be there.
 */
export async function productPage(
  backend: OrdersBackend,
  log: FastifyBaseLogger,
  { category, page }: { category: string; page: string },
): Promise<ProductPage> {
  const degradation = new Degradation(log);
  const [categories, list, recommended] = await Promise.all([
    degradation.orElse([], 'categories', backend.listCategories()),
    backend.listProducts(category, PRODUCTS_PER_PAGE, page),
    degradation.orElse([], 'recommendations', backend.recommend([], RECOMMENDATIONS)),
  ]);
  const ids = new Set([...list.products, ...recommended].map((product) => product.id));
  const stock =
    ids.size > 0 ? await degradation.orElse(null, 'stock', backend.getStock([...ids])) : null;
  const offerOf = (product: Product): ProductOffer => ({
    ...productOf(product),
    stock: stock && (stock.get(product.id) ?? 0),
  });
  return {
    categories,
    products: list.products.map(offerOf),
    recommendations: recommended.map(offerOf),
    nextPage: list.nextPageToken || null,
    missing: degradation.missing,
  };
}
