import {
  type handleUnaryCall,
  type Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
} from '@grpc/grpc-js';
import { HealthService, ServingStatus } from '@hopwatch/shop-shared/health';
import {
  CatalogService,
  type GetOrderRequest,
  type GetStockRequest,
  type GetStockResponse,
  type ListCategoriesResponse,
  type ListProductsRequest,
  type ListProductsResponse,
  type Order,
  OrderStatus,
  OrdersService,
  type PlaceOrderRequest,
  type Product,
  type RecommendRequest,
  type RecommendResponse,
  StockService,
} from '../src/gen/hopwatch/shop/v1/shop';
import { FakeRestShop } from './fake-rest-shop';

/** What the fake services answer; a test replaces what it is about. */
export interface Answers {
  listProducts(request: ListProductsRequest): Promise<ListProductsResponse>;
  listCategories(): Promise<ListCategoriesResponse>;
  recommend(request: RecommendRequest): Promise<RecommendResponse>;
  getStock(request: GetStockRequest): Promise<GetStockResponse>;
  placeOrder(request: PlaceOrderRequest): Promise<Order>;
  getOrder(request: GetOrderRequest): Promise<Order>;
  check(): Promise<{ status: ServingStatus }>;
}

export function product(id: string): Product {
  return {
    id,
    name: `Product ${id}`,
    description: `What ${id} is`,
    category: 'lamps',
    price: { currency: 'EUR', minorUnits: 1999 },
  };
}

export function order(id: string): Order {
  const price = { currency: 'EUR', minorUnits: 1999 };
  return {
    id,
    lines: [{ productId: 'a', productName: 'Product a', quantity: 1, unitPrice: price }],
    total: price,
    status: OrderStatus.PLACED,
    placedAt: '2026-11-21T10:00:00.123456Z',
    customerEmail: 'ada@example.org',
  };
}

/** A failure as a service tells it. */
export function failure(code: number, details: string): Partial<ServiceError> {
  return { code, details };
}

/** The business services in this process, by either protocol on a port of its own. */
export class FakeShop {
  /** Method names, in the order in which the calls came in. */
  readonly calls: string[] = [];
  readonly metadata: Metadata[] = [];
  answers: Answers = {
    listProducts: async () => ({ products: [product('a'), product('b')], nextPageToken: 'next' }),
    listCategories: async () => ({ categories: ['lamps', 'tables'] }),
    recommend: async () => ({ products: [product('b'), product('c')] }),
    getStock: async ({ productIds }) => ({
      levels: productIds.map((productId, units) => ({ productId, units })),
    }),
    placeOrder: async () => order('o-1'),
    getOrder: async ({ orderId }) => order(orderId),
    check: async () => ({ status: ServingStatus.SERVING }),
  };
  address = '';
  readonly rest = new FakeRestShop((method, request, metadata) =>
    this.answer(method, request, metadata),
  );
  private server = new Server();

  async start(address = '127.0.0.1:0', restAddress = '127.0.0.1:0'): Promise<void> {
    await this.rest.start(restAddress);
    this.server.addService(CatalogService, {
      listProducts: this.handler('listProducts'),
      listCategories: this.handler('listCategories'),
      recommend: this.handler('recommend'),
    });
    this.server.addService(StockService, { getStock: this.handler('getStock') });
    this.server.addService(OrdersService, {
      placeOrder: this.handler('placeOrder'),
      getOrder: this.handler('getOrder'),
    });
    this.server.addService(HealthService, { check: this.handler('check') });
    const port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    this.address = `127.0.0.1:${port}`;
  }

  stop(): void {
    this.rest.stop();
    this.server.forceShutdown();
  }

  /** After a stop: on the same port again. */
  async restart(): Promise<void> {
    this.server = new Server();
    await this.start(this.address, this.rest.address);
  }

  private handler(method: keyof Answers): handleUnaryCall<unknown, unknown> {
    return ({ request, metadata }, callback) => {
      this.answer(method, request, metadata).then((response) => callback(null, response), callback);
    };
  }

  private answer(method: keyof Answers, request: unknown, metadata: Metadata): Promise<unknown> {
    this.calls.push(method);
    this.metadata.push(metadata);
    const answer = this.answers[method] as (request: unknown) => Promise<unknown>;
    return answer(request);
  }
}
