import type { Call } from '../call';
import type { GetStockRequest, GetStockResponse } from '../gen/hopwatch/shop/v1/shop';
import { checkProductIds } from '../product-id';
import type { Stock } from './stock';

const MOST_ASKED = 200;

/** Answers the gRPC service Stock. */
export class StockCalls {
  constructor(private readonly stock: Stock) {}

  /** In the order of the request; a product asked for twice is answered twice. */
  async getStock({ productIds }: GetStockRequest, call: Call): Promise<GetStockResponse> {
    checkProductIds(productIds, 1, MOST_ASKED);
    const levels = await this.stock.levels(call, productIds);
    return {
      levels: productIds.flatMap((productId) => {
        const units = levels.get(productId);
        return units === undefined ? [] : [{ productId, units }];
      }),
    };
  }
}
