import type {
  GetOrderRequest,
  GetStockRequest,
  GetStockResponse,
  ListCategoriesResponse,
  ListProductsRequest,
  ListProductsResponse,
  Order,
  PlaceOrderRequest,
  Product,
  RecommendRequest,
  RecommendResponse,
} from '../gen/hopwatch/shop/v1/shop';
import { RetryBudget, withRetries } from './retries';

const READ_DEADLINE_MS = 2000;
const WRITE_DEADLINE_MS = 5000;
/** For what a page can do without: nobody waits long for it. */
const EXTRA_DEADLINE_MS = 1000;
const HEALTH_DEADLINE_MS = 1000;

/**
 * The contract by one protocol. A call is one attempt, until its deadline (ms since the epoch), and
 * fails with a BackendError.
 */
export interface OrdersTransport {
  listProducts(request: ListProductsRequest, deadline: number): Promise<ListProductsResponse>;
  listCategories(deadline: number): Promise<ListCategoriesResponse>;
  recommend(request: RecommendRequest, deadline: number): Promise<RecommendResponse>;
  getStock(request: GetStockRequest, deadline: number): Promise<GetStockResponse>;
  placeOrder(request: PlaceOrderRequest, deadline: number): Promise<Order>;
  getOrder(request: GetOrderRequest, deadline: number): Promise<Order>;
  isServing(deadline: number): Promise<boolean>;
  close(): void;
}

/**
 * The business services, as promises: each call has a deadline, is tried again within it and
 * within a budget, and fails with a BackendError. Every method may be sent twice: the reads change
 * nothing, and PlaceOrder has its idempotency key.
 */
export class OrdersBackend {
  private readonly budget = new RetryBudget();

  constructor(private readonly transport: OrdersTransport) {}

  listProducts(
    category: string,
    pageSize: number,
    pageToken: string,
  ): Promise<ListProductsResponse> {
    return this.call(READ_DEADLINE_MS, (deadline) =>
      this.transport.listProducts({ category, pageSize, pageToken }, deadline),
    );
  }

  async listCategories(): Promise<string[]> {
    const { categories } = await this.call(EXTRA_DEADLINE_MS, (deadline) =>
      this.transport.listCategories(deadline),
    );
    return categories;
  }

  /** Products that go with those given; with none given, what sells best. */
  async recommend(productIds: string[], limit: number): Promise<Product[]> {
    const { products } = await this.call(EXTRA_DEADLINE_MS, (deadline) =>
      this.transport.recommend({ productIds, limit }, deadline),
    );
    return products;
  }

  /** Units at hand by product id, of the products that exist. */
  async getStock(productIds: string[]): Promise<Map<string, number>> {
    const { levels } = await this.call(EXTRA_DEADLINE_MS, (deadline) =>
      this.transport.getStock({ productIds }, deadline),
    );
    return new Map(levels.map(({ productId, units }) => [productId, units]));
  }

  placeOrder(request: PlaceOrderRequest): Promise<Order> {
    return this.call(WRITE_DEADLINE_MS, (deadline) => this.transport.placeOrder(request, deadline));
  }

  getOrder(orderId: string): Promise<Order> {
    return this.call(READ_DEADLINE_MS, (deadline) =>
      this.transport.getOrder({ orderId }, deadline),
    );
  }

  /** Whether the services answer that they take requests. */
  isServing(): Promise<boolean> {
    return this.transport.isServing(Date.now() + HEALTH_DEADLINE_MS);
  }

  close(): void {
    this.transport.close();
  }

  private call<Response>(
    deadlineMs: number,
    attempt: (deadline: number) => Promise<Response>,
  ): Promise<Response> {
    return withRetries(this.budget, deadlineMs, attempt);
  }
}
