import { type Context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { parseKeyPairsIntoRecord } from '@opentelemetry/core';

/**
 * For trainings: `?lab=hopwatch.lab.delay=shop-orders/PlaceOrder:50ms` asks for a fault in the
 * requests of this page, as W3C baggage. Whether it is obeyed is for the BFF to decide.
 */
export function labContext(query: string): Context {
  const entries = parseKeyPairsIntoRecord(new URLSearchParams(query).get('lab') ?? '');
  const values = Object.entries(entries).map(([key, value]) => [key, { value }] as const);
  if (values.length === 0) return ROOT_CONTEXT;
  return propagation.setBaggage(
    ROOT_CONTEXT,
    propagation.createBaggage(Object.fromEntries(values)),
  );
}
