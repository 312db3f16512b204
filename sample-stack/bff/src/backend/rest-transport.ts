import { Agent, type IncomingMessage, request as startRequest } from 'node:http';
import { status as Code } from '@grpc/grpc-js';
import {
  type GetOrderRequest,
  type GetStockRequest,
  GetStockResponse,
  ListCategoriesResponse,
  type ListProductsRequest,
  ListProductsResponse,
  Order,
  type PlaceOrderRequest,
  type RecommendRequest,
  RecommendResponse,
} from '../gen/hopwatch/shop/v1/shop';
import { BackendError } from './backend-error';
import type { OrdersTransport } from './orders-backend';
import { ROUTES } from './rest-routes';

/** Shorter than the service's own patience, or requests would meet the end of their connection. */
const IDLE_MS = 30_000;
const MAX_CONNECTIONS = 100;
/** As much as gRPC takes. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The contract by REST: messages in the JSON mapping of proto3, over connections kept alive. */
export class RestTransport implements OrdersTransport {
  private readonly agent = new Agent({
    keepAlive: true,
    maxSockets: MAX_CONNECTIONS,
    timeout: IDLE_MS,
  });
  private readonly base: URL;

  /** `address` is host:port. */
  constructor(address: string) {
    this.base = new URL(`http://${address}`);
  }

  listProducts(request: ListProductsRequest, deadline: number): Promise<ListProductsResponse> {
    return this.get(ROUTES.products, { ...request }, deadline, ListProductsResponse);
  }

  listCategories(deadline: number): Promise<ListCategoriesResponse> {
    return this.get(ROUTES.categories, {}, deadline, ListCategoriesResponse);
  }

  recommend(request: RecommendRequest, deadline: number): Promise<RecommendResponse> {
    return this.get(ROUTES.recommendations, { ...request }, deadline, RecommendResponse);
  }

  getStock(request: GetStockRequest, deadline: number): Promise<GetStockResponse> {
    return this.get(ROUTES.stock, { ...request }, deadline, GetStockResponse);
  }

  async placeOrder(request: PlaceOrderRequest, deadline: number): Promise<Order> {
    // Without what is set in answers only.
    const lines = request.lines.map(({ productId, quantity }) => ({ productId, quantity }));
    const body = JSON.stringify({ ...request, lines });
    return read(await this.send({ method: 'POST', path: ROUTES.orders, body }, deadline), Order);
  }

  getOrder({ orderId }: GetOrderRequest, deadline: number): Promise<Order> {
    return this.get(`${ROUTES.orders}/${encodeURIComponent(orderId)}`, {}, deadline, Order);
  }

  async isServing(deadline: number): Promise<boolean> {
    return (await this.send({ method: 'GET', path: '/readyz' }, deadline)).status === 200;
  }

  close(): void {
    this.agent.destroy();
  }

  private async get<Message>(
    path: string,
    fields: Readonly<Record<string, string | number | readonly string[]>>,
    deadline: number,
    message: Readable<Message>,
  ): Promise<Message> {
    return read(
      await this.send({ method: 'GET', path: path + queryOf(fields) }, deadline),
      message,
    );
  }

  /** One request, until its deadline; any answer at all resolves. */
  private send({ method, path, body }: Call, deadline: number): Promise<Answer> {
    const left = Math.ceil(deadline - Date.now());
    if (left < 1) return Promise.reject(tooLate());
    return new Promise((resolve, reject) => {
      const headers = {
        accept: 'application/json',
        'x-request-timeout-ms': left,
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
      };
      const { hostname: host, port } = this.base;
      const options = { agent: this.agent, host: host.replace(/^\[|\]$/g, ''), port };
      const request = startRequest({ ...options, method, path, headers }, (response) => {
        readAnswer(response).then(resolve, fail).finally(stopWaiting);
      });
      const waiting = setTimeout(() => {
        reject(tooLate());
        request.destroy();
      }, left);
      function stopWaiting(): void {
        clearTimeout(waiting);
      }
      function fail(error: Error): void {
        stopWaiting();
        reject(error instanceof BackendError ? error : lost(error));
      }
      request.on('error', fail);
      request.end(body);
    });
  }
}

/** The query string of a request's fields; those with their default values are left out. */
function queryOf(fields: Readonly<Record<string, string | number | readonly string[]>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (Array.isArray(value)) for (const item of value) query.append(name, item);
    else if (value) query.append(name, `${value}`);
  }
  return query.size > 0 ? `?${query}` : '';
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) {
      throw new BackendError(
        Code.RESOURCE_EXHAUSTED,
        `an answer of more than ${MAX_ANSWER_BYTES} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
}

interface Readable<Message> {
  fromJSON(value: unknown): Message;
}

/** The message that an answer holds; throws the BackendError that it tells of. */
function read<Message>({ status, text }: Answer, message: Readable<Message>): Message {
  if (status !== 200) throw failureOf(status, text);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new TypeError('not a JSON object');
    }
    return message.fromJSON(value);
  } catch (error) {
    throw new BackendError(Code.INTERNAL, 'an answer that is not of the contract', {
      cause: error,
    });
  }
}

/** What HTTP's own statuses mean, of whoever is between and does not know the contract. */
const UNEXPLAINED: ReadonlyMap<number, Code> = new Map([
  [502, Code.UNAVAILABLE],
  [503, Code.UNAVAILABLE],
  [504, Code.DEADLINE_EXCEEDED],
]);

function failureOf(status: number, text: string): BackendError {
  const { code, detail } = problemOf(text);
  const known = Code[code as keyof typeof Code];
  return typeof known === 'number'
    ? new BackendError(known, detail)
    : new BackendError(UNEXPLAINED.get(status) ?? Code.UNKNOWN, `HTTP status ${status}`);
}

/** The two fields of a problem that matter; empty if it is none. */
function problemOf(text: string): { code: string; detail: string } {
  try {
    const { code = '', detail = '' } = JSON.parse(text);
    return { code: `${code}`, detail: `${detail}` };
  } catch {
    return { code: '', detail: '' };
  }
}

function tooLate(): BackendError {
  return new BackendError(Code.DEADLINE_EXCEEDED, 'the deadline has passed');
}

function lost(cause: Error): BackendError {
  return new BackendError(Code.UNAVAILABLE, cause.message, { cause });
}
