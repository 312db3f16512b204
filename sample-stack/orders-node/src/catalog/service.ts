import type { Call } from '../call';
import { invalid } from '../call-error';
import type {
  ListCategoriesResponse,
  ListProductsRequest,
  ListProductsResponse,
  RecommendRequest,
  RecommendResponse,
} from '../gen/hopwatch/shop/v1/shop';
import { checkProductIds, isProductId } from '../product-id';
import type { Catalog } from './catalog';

const PAGE = { usual: 24, most: 100 };
const RECOMMENDATIONS = { usual: 6, most: 24 };
const MOST_GIVEN = 100;

/** Answers the gRPC service Catalog. */
export class CatalogCalls {
  constructor(private readonly catalog: Catalog) {}

  /** One page; one product more than that is read to know whether it is the last. */
  async listProducts(request: ListProductsRequest, call: Call): Promise<ListProductsResponse> {
    const size = sizeOf(request.pageSize, PAGE, 'page_size');
    const after = decodePageToken(request.pageToken);
    if (request.category.includes('\0')) throw invalid('category holds a NUL character');
    const found = await this.catalog.list(call, request.category, after, size + 1);
    const products = found.slice(0, size);
    const last = products.at(-1);
    const nextPageToken = found.length > size && last ? encodePageToken(last.id) : '';
    return { products, nextPageToken };
  }

  /** What goes with the products given, or the best sellers. */
  async recommend(request: RecommendRequest, call: Call): Promise<RecommendResponse> {
    const limit = sizeOf(request.limit, RECOMMENDATIONS, 'limit');
    checkProductIds(request.productIds, 0, MOST_GIVEN);
    return { products: await this.catalog.recommend(call, request.productIds, limit) };
  }

  /** The categories that have products. */
  async listCategories(_request: object, call: Call): Promise<ListCategoriesResponse> {
    return { categories: await this.catalog.categories(call) };
  }
}

function sizeOf(asked: number, { usual, most }: typeof PAGE, field: string): number {
  if (asked === 0) return usual;
  if (asked < 0 || asked > most) {
    throw invalid(`${field} is ${asked}; it must be 1 to ${most}, or 0 for ${usual}`);
  }
  return asked;
}

// A page token is the last product id of the page before, encoded so that nobody builds on it.
function encodePageToken(lastId: string): string {
  return Buffer.from(lastId).toString('base64url');
}

function decodePageToken(token: string): string {
  const id = Buffer.from(token, 'base64url').toString();
  // Decoding skips what is not base64.
  if (token !== '' && (!isProductId(id) || encodePageToken(id) !== token)) {
    throw invalid('page_token is not one that an earlier response gave');
  }
  return id;
}
