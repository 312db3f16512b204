/** Whom a lab's baggage value means, and how much of it. */
export interface LabTarget {
  readonly service: string;
  /** An HTTP route without its leading slash, or a gRPC method; undefined: every one. */
  readonly operation: string | undefined;
  readonly millis: number;
}

const MAX_MS = 10_000;

/** Reads `<service.name>[/<gRPC method or HTTP route>]:<1..10000>ms`; null if malformed. */
export function parseTarget(value: string): LabTarget | null {
  const match = /^([\w.-]+)(?:\/+([^\s]+))?:([1-9]\d{0,4})ms$/.exec(value);
  const millis = Number(match?.[3]);
  if (!match?.[1] || millis > MAX_MS) return null;
  return { service: match[1], operation: match[2], millis };
}
