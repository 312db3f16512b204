import { setTimeout as sleep } from 'node:timers/promises';
import { propagation } from '@opentelemetry/api';
import type { FastifyRequest } from 'fastify';
import { serverSpanOf } from '../telemetry/server-span';

const SERVICE = 'shop-bff';
const MAX_DELAY_MS = 10_000;

/** A fault asked for by the baggage entry `hopwatch.lab.delay`. */
export interface LabDelay {
  readonly service: string;
  /** An HTTP route without its leading slash, or a gRPC method; undefined: every one. */
  readonly operation: string | undefined;
  readonly delayMs: number;
}

/** Reads `<service.name>[/<gRPC method or HTTP route>]:<1..10000>ms`; null if malformed. */
export function parseLabDelay(value: string): LabDelay | null {
  const match = /^([\w.-]+)(?:\/+([^\s]+))?:([1-9]\d{0,4})ms$/.exec(value);
  const delayMs = Number(match?.[3]);
  if (!match?.[1] || delayMs > MAX_DELAY_MS) return null;
  return { service: match[1], operation: match[2], delayMs };
}

/** Hook that sleeps before the handler where a lab asks for it, and says so in the trace. */
export async function obeyLabDelay(request: FastifyRequest): Promise<void> {
  const value = propagation.getActiveBaggage()?.getEntry('hopwatch.lab.delay')?.value;
  if (value === undefined) return;
  const span = serverSpanOf(request.raw);
  const delay = parseLabDelay(value);
  if (!delay) {
    span?.setAttribute('hopwatch.lab.error', `hopwatch.lab.delay is malformed: ${value}`);
    return;
  }
  const route = request.routeOptions.url?.replace(/^\/+/, '');
  if (delay.service !== SERVICE || (delay.operation ?? route) !== route) return;
  span?.setAttributes({ 'hopwatch.lab.name': 'delay', 'hopwatch.lab.delay_ms': delay.delayMs });
  await sleep(delay.delayMs);
}
