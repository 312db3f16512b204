import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';

// grpc.health.v1: two messages of one field each, by hand rather than a second generated contract.

export enum ServingStatus {
  UNKNOWN = 0,
  SERVING = 1,
  NOT_SERVING = 2,
}

export interface HealthCheckRequest {
  /** Empty: the server as a whole. */
  readonly service: string;
}

export interface HealthCheckResponse {
  readonly status: ServingStatus;
}

export const HealthService = {
  check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: ({ service }: HealthCheckRequest) =>
      Buffer.from(new BinaryWriter().uint32(10).string(service).finish()),
    requestDeserialize: (bytes: Buffer): HealthCheckRequest => ({
      service: firstField(bytes, (reader) => reader.string()) ?? '',
    }),
    responseSerialize: ({ status }: HealthCheckResponse) =>
      Buffer.from(new BinaryWriter().uint32(8).int32(status).finish()),
    responseDeserialize: (bytes: Buffer): HealthCheckResponse => ({
      status: firstField(bytes, (reader) => reader.int32()) ?? ServingStatus.UNKNOWN,
    }),
  },
} as const;

function firstField<Value>(
  bytes: Uint8Array,
  read: (reader: BinaryReader) => Value,
): Value | undefined {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) return read(reader);
    reader.skip(wireType);
  }
  return undefined;
}
