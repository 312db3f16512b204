import {
  type CallOptions,
  type ChannelOptions,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
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
import { type HealthCheckResponse, HealthClient, ServingStatus } from './health-client';

const READ_DEADLINE_MS = 2000;
const WRITE_DEADLINE_MS = 5000;
const HEALTH_DEADLINE_MS = 1000;

/**
 * Every method may be sent again: the reads change nothing and PlaceOrder has its idempotency key.
 * The throttle is the budget: once half its tokens are spent, failures are no longer retried, and
 * ten successful calls earn one token back.
 */
const SERVICE_CONFIG = {
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: '0.1s',
        maxBackoff: '1s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
  retryThrottling: { maxTokens: 200, tokenRatio: 0.1 },
};

const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.service_config': JSON.stringify(SERVICE_CONFIG),
  // By default a restarted service is only found again after a second or more.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
};

/** The business services, as promises: each call has a deadline and fails with a ServiceError. */
export class OrdersBackend {
  private readonly catalog: CatalogClient;
  private readonly stock: StockClient;
  private readonly orders: OrdersClient;
  private readonly health: HealthClient;

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
    return unary<ListProductsResponse>(READ_DEADLINE_MS, (...call) =>
      this.catalog.listProducts({ category, pageSize, pageToken }, ...call),
    );
  }

  async listCategories(): Promise<string[]> {
    const { categories } = await unary<ListCategoriesResponse>(READ_DEADLINE_MS, (...call) =>
      this.catalog.listCategories({}, ...call),
    );
    return categories;
  }

  /** Products that go with those given; with none given, what sells best. */
  async recommend(productIds: string[], limit: number): Promise<Product[]> {
    const { products } = await unary<RecommendResponse>(READ_DEADLINE_MS, (...call) =>
      this.catalog.recommend({ productIds, limit }, ...call),
    );
    return products;
  }

  /** Units at hand by product id, of the products that exist. */
  async getStock(productIds: string[]): Promise<Map<string, number>> {
    const { levels } = await unary<GetStockResponse>(READ_DEADLINE_MS, (...call) =>
      this.stock.getStock({ productIds }, ...call),
    );
    return new Map(levels.map(({ productId, units }) => [productId, units]));
  }

  placeOrder(request: PlaceOrderRequest): Promise<Order> {
    return unary<Order>(WRITE_DEADLINE_MS, (...call) => this.orders.placeOrder(request, ...call));
  }

  getOrder(orderId: string): Promise<Order> {
    return unary<Order>(READ_DEADLINE_MS, (...call) => this.orders.getOrder({ orderId }, ...call));
  }

  /** Whether the services answer that they take requests. */
  async isServing(): Promise<boolean> {
    const { status } = await unary<HealthCheckResponse>(HEALTH_DEADLINE_MS, (...call) =>
      this.health.check({ service: '' }, ...call),
    );
    return status === ServingStatus.SERVING;
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
  deadlineMs: number,
  start: (...call: UnaryCall<Response>) => ClientUnaryCall,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    start(new Metadata(), { deadline: Date.now() + deadlineMs }, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}
