import { propagation, type Span } from '@opentelemetry/api';
import type { FastifyRequest } from 'fastify';
import { serverSpanOf } from '../telemetry/server-span';
import { delay } from './delay';
import { eventLoopBlock } from './event-loop-block';
import { parseTarget } from './target';

/** A fault that this service can be asked for by the baggage entry `hopwatch.lab.<name>`. */
export interface Lab {
  readonly name: string;
  /** The span attribute that records how many milliseconds were asked for. */
  readonly measure: string;
  run(millis: number): Promise<void>;
}

const SERVICE = 'shop-bff';
const LABS: readonly Lab[] = [delay, eventLoopBlock];

/** Hook before the handler: obeys the labs that ask this service, and says so in the trace. */
export async function obeyLabs(request: FastifyRequest): Promise<void> {
  const baggage = propagation.getActiveBaggage();
  if (!baggage) return;
  const route = request.routeOptions.url?.replace(/^\/+/, '');
  const span = serverSpanOf(request.raw);
  for (const lab of LABS) {
    const value = baggage.getEntry(`hopwatch.lab.${lab.name}`)?.value;
    if (value !== undefined) await obey(lab, value, route, span);
  }
}

async function obey(
  lab: Lab,
  value: string,
  route: string | undefined,
  span: Span | undefined,
): Promise<void> {
  const target = parseTarget(value);
  if (!target) {
    span?.setAttribute('hopwatch.lab.error', `hopwatch.lab.${lab.name} is malformed: ${value}`);
    return;
  }
  if (target.service !== SERVICE || (target.operation ?? route) !== route) return;
  span?.setAttributes({ 'hopwatch.lab.name': lab.name, [lab.measure]: target.millis });
  await lab.run(target.millis);
}
