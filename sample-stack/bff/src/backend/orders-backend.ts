import {
  type CallOptions,
  type ChannelOptions,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { type HealthCheckResponse, ServingStatus } from '@hopwatch/shop-shared/health';
import {
  CatalogClient,
  type GetStockResponse,
  type ListCategoriesResponse,
  type ListProductsResponse,
  type Order,
  OrdersClient,
  type PlaceOrderRequest,
  type Product,
  type RecommendResponse,
  StockClient,
} from '../gen/hopwatch/shop/v1/shop';
import { HealthClient } from './health-client';
import { RetryBudget, withRetries } from './retries';

const READ_DEADLINE_MS = 2000;
const WRITE_DEADLINE_MS = 5000;
/** For what a page can do without: nobody waits long for it. */
const EXTRA_DEADLINE_MS = 1000;
const HEALTH_DEADLINE_MS = 1000;

const CHANNEL_OPTIONS: ChannelOptions = {
  // By default a restarted service is only found again after seconds.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 300,
};

/**
 * The business services, as promises: each call has a deadline, is tried again within it and
 * within a budget, and fails with a ServiceError. Every method may be sent twice: the reads change
 * nothing, and PlaceOrder has its idempotency key.
 */
export class OrdersBackend {
  private readonly catalog: CatalogClient;
  private readonly stock: StockClient;
  private readonly orders: OrdersClient;
  private readonly health: HealthClient;
  private readonly budget = new RetryBudget();

  /** Clients of one address share one connection. */
  constructor(address: string) {
    const insecure = credentials.createInsecure();
    this.catalog = new CatalogClient(address, insecure, CHANNEL_OPTIONS);
    this.stock = new StockClient(address, insecure, CHANNEL_OPTIONS);
    this.orders = new OrdersClient(address, insecure, CHANNEL_OPTIONS);
    this.health = new HealthClient(address, insecure, CHANNEL_OPTIONS);
  }

  listProducts(
    category: string,
    pageSize: number,
    pageToken: string,
  ): Promise<ListProductsResponse> {
    return this.call<ListProductsResponse>(READ_DEADLINE_MS, (...call) =>
      this.catalog.listProducts({ category, pageSize, pageToken }, ...call),
    );
  }

  async listCategories(): Promise<string[]> {
    const { categories } = await this.call<ListCategoriesResponse>(EXTRA_DEADLINE_MS, (...call) =>
      this.catalog.listCategories({}, ...call),
    );
    return categories;
  }

  /** Products that go with those given; with none given, what sells best. */
  async recommend(productIds: string[], limit: number): Promise<Product[]> {
    const { products } = await this.call<RecommendResponse>(EXTRA_DEADLINE_MS, (...call) =>
      this.catalog.recommend({ productIds, limit }, ...call),
    );
    return products;
  }

  /** Units at hand by product id, of the products that exist. */
  async getStock(productIds: string[]): Promise<Map<string, number>> {
    const { levels } = await this.call<GetStockResponse>(EXTRA_DEADLINE_MS, (...call) =>
      this.stock.getStock({ productIds }, ...call),
    );
    return new Map(levels.map(({ productId, units }) => [productId, units]));
  }

  placeOrder(request: PlaceOrderRequest): Promise<Order> {
    return this.call<Order>(WRITE_DEADLINE_MS, (...call) =>
      this.orders.placeOrder(request, ...call),
    );
  }

  getOrder(orderId: string): Promise<Order> {
    return this.call<Order>(READ_DEADLINE_MS, (...call) =>
      this.orders.getOrder({ orderId }, ...call),
    );
  }

  /** Whether the services answer that they take requests. */
  async isServing(): Promise<boolean> {
    const { status } = await unary<HealthCheckResponse>(
      Date.now() + HEALTH_DEADLINE_MS,
      (...call) => this.health.check({ service: '' }, ...call),
    );
    return status === ServingStatus.SERVING;
  }

  private call<Response>(
    deadlineMs: number,
    start: (...call: UnaryCall<Response>) => ClientUnaryCall,
  ): Promise<Response> {
    return withRetries(this.budget, deadlineMs, (deadline) => unary(deadline, start));
  }

  close(): void {
    for (const client of [this.catalog, this.stock, this.orders, this.health]) client.close();
  }
}

type UnaryCall<Response> = [
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
];

function unary<Response>(
  deadline: number,
  start: (...call: UnaryCall<Response>) => ClientUnaryCall,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    start(new Metadata(), { deadline }, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}
