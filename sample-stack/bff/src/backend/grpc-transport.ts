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
  type GetOrderRequest,
  type GetStockRequest,
  type GetStockResponse,
  type ListCategoriesResponse,
  type ListProductsRequest,
  type ListProductsResponse,
  type Order,
  OrdersClient,
  type PlaceOrderRequest,
  type RecommendRequest,
  type RecommendResponse,
  StockClient,
} from '../gen/hopwatch/shop/v1/shop';
import { BackendError } from './backend-error';
import { HealthClient } from './health-client';
import type { OrdersTransport } from './orders-backend';

const CHANNEL_OPTIONS: ChannelOptions = {
  // By default a restarted service is only found again after seconds.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 300,
};

/** The contract by gRPC. */
export class GrpcTransport implements OrdersTransport {
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

  listProducts(request: ListProductsRequest, deadline: number): Promise<ListProductsResponse> {
    return unary(deadline, (...call) => this.catalog.listProducts(request, ...call));
  }

  listCategories(deadline: number): Promise<ListCategoriesResponse> {
    return unary(deadline, (...call) => this.catalog.listCategories({}, ...call));
  }

  recommend(request: RecommendRequest, deadline: number): Promise<RecommendResponse> {
    return unary(deadline, (...call) => this.catalog.recommend(request, ...call));
  }

  getStock(request: GetStockRequest, deadline: number): Promise<GetStockResponse> {
    return unary(deadline, (...call) => this.stock.getStock(request, ...call));
  }

  placeOrder(request: PlaceOrderRequest, deadline: number): Promise<Order> {
    return unary(deadline, (...call) => this.orders.placeOrder(request, ...call));
  }

  getOrder(request: GetOrderRequest, deadline: number): Promise<Order> {
    return unary(deadline, (...call) => this.orders.getOrder(request, ...call));
  }

  async isServing(deadline: number): Promise<boolean> {
    const { status } = await unary<HealthCheckResponse>(deadline, (...call) =>
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
  deadline: number,
  start: (...call: UnaryCall<Response>) => ClientUnaryCall,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    start(new Metadata(), { deadline }, (error, response) => {
      if (error) reject(new BackendError(error.code, error.details, { cause: error }));
      else resolve(response);
    });
  });
}
