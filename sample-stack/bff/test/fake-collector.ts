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

export const KIND = { INTERNAL: 1, SERVER: 2, CLIENT: 3 } as const;

/** Takes OTLP/HTTP in this process and keeps the spans and the resource that sent them. */
export class FakeCollector {
  readonly spans: ReceivedSpan[] = [];
  resource: Record<string, string | number> = {};
  private readonly server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    for (const resourceSpans of fields(body, 1)) {
      for (const resource of fields(resourceSpans, 1)) this.resource = attributes(resource, 1);
      for (const scopeSpans of fields(resourceSpans, 2)) {
        this.spans.push(...fields(scopeSpans, 2).map(spanOf));
      }
    }
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
  const bytes = (number: number): Uint8Array => {
    const value = byNumber.get(number);
    return value instanceof Uint8Array ? value : new Uint8Array();
  };
  return {
    traceId: Buffer.from(bytes(1)).toString('hex'),
    spanId: Buffer.from(bytes(2)).toString('hex'),
    parentSpanId: Buffer.from(bytes(4)).toString('hex'),
    name: text(bytes(5)),
    kind: Number(byNumber.get(6)),
    startNanos: byNumber.get(7) as bigint,
    endNanos: byNumber.get(8) as bigint,
    attributes: attributes(message, 9),
  };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
