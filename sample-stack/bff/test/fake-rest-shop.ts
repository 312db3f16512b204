import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { status as Code, Metadata, type ServiceError } from '@grpc/grpc-js';
import { ServingStatus } from '@hopwatch/shop-shared/health';
import type { Answers } from './fake-shop';

type Answer = (method: keyof Answers, request: object, metadata: Metadata) => Promise<unknown>;

const STATUSES: Readonly<Record<string, number>> = { NOT_FOUND: 404, UNAVAILABLE: 503 };

/** The fake services by REST. What they answer is as the contract has it in JSON. */
export class FakeRestShop {
  /** Targets of the requests, in the order in which they came in. */
  readonly targets: string[] = [];
  readonly bodies: string[] = [];
  address = '';
  private server?: Server;

  constructor(private readonly answer: Answer) {}

  async start(address: string): Promise<void> {
    this.server = createServer((request, response) => void this.serve(request, response));
    const { hostname, port } = new URL(`http://${address}`);
    await new Promise<void>((resolve) => this.server?.listen(Number(port), hostname, resolve));
    this.address = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = new URL(request.url ?? '', 'http://shop');
    const body = (await request.toArray()).join('');
    this.targets.push(request.url ?? '');
    this.bodies.push(body);
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(request.headers)) metadata.set(name, `${value}`);
    try {
      const [method, message] = called(target, body);
      const answer = await this.answer(method, message, metadata);
      if (method === 'check') {
        const { status } = answer as { status: ServingStatus };
        send(response, status === ServingStatus.SERVING ? 200 : 503, { status });
      } else {
        send(response, 200, answer);
      }
    } catch (error) {
      const { code = Code.UNKNOWN, details } = error as Partial<ServiceError>;
      send(response, STATUSES[Code[code] ?? ''] ?? 500, { code: Code[code], detail: details });
    }
  }
}

function called({ pathname, searchParams }: URL, body: string): [keyof Answers, object] {
  const text = (name: string): string => searchParams.get(name) ?? '';
  const productIds = searchParams.getAll('productIds');
  switch (pathname) {
    case '/readyz':
      return ['check', {}];
    case '/v1/products': {
      const pageSize = Number(text('pageSize'));
      return [
        'listProducts',
        { category: text('category'), pageSize, pageToken: text('pageToken') },
      ];
    }
    case '/v1/categories':
      return ['listCategories', {}];
    case '/v1/recommendations':
      return ['recommend', { productIds, limit: Number(text('limit')) }];
    case '/v1/stock':
      return ['getStock', { productIds }];
    case '/v1/orders':
      return ['placeOrder', JSON.parse(body)];
    default:
      return ['getOrder', { orderId: decodeURIComponent(pathname.slice('/v1/orders/'.length)) }];
  }
}

function send(response: ServerResponse, status: number, answer: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof answer === 'string' ? answer : JSON.stringify(answer, canonical));
}

/** As the JSON mapping of proto3 has it: defaults left out, 64-bit numbers as text, enums by name. */
function canonical(key: string, value: unknown): unknown {
  if (value === 0 || value === '' || (Array.isArray(value) && value.length === 0)) return undefined;
  if (key === 'minorUnits') return `${value}`;
  if (key === 'status' && value === 1) return 'ORDER_STATUS_PLACED';
  return value;
}
