import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BinaryReader } from '@bufbuild/protobuf/wire';

/** A span as OTLP/protobuf carries it, as far as the tests look. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number;
  startNanos: bigint;
  endNanos: bigint;
  attributes: Record<string, string | number>;
}

/** A log record as OTLP/protobuf carries it, as far as the tests look. */
export interface ReceivedLog {
  traceId: string;
  spanId: string;
  severityText: string;
  body: string;
  attributes: Record<string, string | number>;
}

export const KIND = { INTERNAL: 1, SERVER: 2, CLIENT: 3 } as const;

/** A metric as OTLP/protobuf carries it, as far as the tests look. */
export interface ReceivedMetric {
  name: string;
  unit: string;
  /** Those of each data point. */
  points: Record<string, string | number>[];
}

/** Takes OTLP/HTTP in this process and keeps what came, and the resource that sent spans. */
export class FakeCollector {
  readonly spans: ReceivedSpan[] = [];
  readonly logs: ReceivedLog[] = [];
  /** As often as they came. */
  readonly metrics: ReceivedMetric[] = [];
  resource: Record<string, string | number> = {};
  private readonly server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    // The three signals nest alike: resources, scopes, items.
    const items = fields(body, 1).flatMap((ofResource) =>
      fields(ofResource, 2).flatMap((ofScope) => fields(ofScope, 2)),
    );
    if (request.url === '/v1/traces') {
      this.spans.push(...items.map(spanOf));
      const [resource] = fields(body, 1).flatMap((ofResource) => fields(ofResource, 1));
      if (resource) this.resource = attributes(resource, 1);
    }
    if (request.url === '/v1/logs') this.logs.push(...items.map(logOf));
    if (request.url === '/v1/metrics') this.metrics.push(...items.map(metricOf));
    response.writeHead(200).end();
  });

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

type Field = [number: number, value: Uint8Array | bigint];

function allFields(message: Uint8Array): Field[] {
  const reader = new BinaryReader(message);
  const found: Field[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === 2) found.push([number, reader.bytes()]);
    else if (wireType === 1) found.push([number, BigInt(reader.fixed64())]);
    else if (wireType === 0) found.push([number, BigInt(reader.int64())]);
    else reader.skip(wireType);
  }
  return found;
}

function fields(message: Uint8Array, number: number): Uint8Array[] {
  return allFields(message).flatMap(([found, value]) =>
    found === number && value instanceof Uint8Array ? [value] : [],
  );
}

function attributes(message: Uint8Array, number: number): Record<string, string | number> {
  return Object.fromEntries(
    fields(message, number).map((keyValue) => {
      const [key = new Uint8Array()] = fields(keyValue, 1);
      const [value = new Uint8Array()] = fields(keyValue, 2);
      const [, content] = allFields(value)[0] ?? [0, 0n];
      return [text(key), content instanceof Uint8Array ? text(content) : Number(content)];
    }),
  );
}

function spanOf(message: Uint8Array): ReceivedSpan {
  const byNumber = new Map(allFields(message));
  return {
    traceId: hex(message, 1),
    spanId: hex(message, 2),
    parentSpanId: hex(message, 4),
    name: textOf(message, 5),
    kind: Number(byNumber.get(6)),
    startNanos: byNumber.get(7) as bigint,
    endNanos: byNumber.get(8) as bigint,
    attributes: attributes(message, 9),
  };
}

function logOf(message: Uint8Array): ReceivedLog {
  const [body = new Uint8Array()] = fields(message, 5);
  return {
    traceId: hex(message, 9),
    spanId: hex(message, 10),
    severityText: textOf(message, 3),
    body: textOf(body, 1),
    attributes: attributes(message, 6),
  };
}

/** Where a data point of each kind has its attributes: of a gauge, a sum, a histogram. */
const POINTS = [
  { metric: 5, attributes: 7 },
  { metric: 7, attributes: 7 },
  { metric: 9, attributes: 9 },
];

function metricOf(message: Uint8Array): ReceivedMetric {
  const points = POINTS.flatMap((kind) =>
    fields(message, kind.metric)
      .flatMap((data) => fields(data, 1))
      .map((point) => attributes(point, kind.attributes)),
  );
  return { name: textOf(message, 1), unit: textOf(message, 3), points };
}

function hex(message: Uint8Array, number: number): string {
  return Buffer.from(fields(message, number)[0] ?? []).toString('hex');
}

function textOf(message: Uint8Array, number: number): string {
  return text(fields(message, number)[0] ?? new Uint8Array());
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
