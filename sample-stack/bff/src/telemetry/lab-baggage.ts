import {
  type Baggage,
  type Context,
  propagation,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
} from '@opentelemetry/api';
import { W3CBaggagePropagator } from '@opentelemetry/core';

/** All that labs ask for is in baggage entries of this prefix. */
export const LAB_PREFIX = 'hopwatch.lab.';

/**
 * W3C baggage that lets in nothing but lab switches, and those only while labs are on: strangers
 * may not steer the services, nor send data through them.
 */
export class LabBaggagePropagator implements TextMapPropagator {
  private readonly baggage = new W3CBaggagePropagator();

  constructor(private readonly labs: boolean) {}

  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    this.baggage.inject(context, carrier, setter);
  }

  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    if (!this.labs) return context;
    const extracted = this.baggage.extract(context, carrier, getter);
    const baggage = propagation.getBaggage(extracted);
    return baggage ? propagation.setBaggage(extracted, labEntries(baggage)) : extracted;
  }

  fields(): string[] {
    return this.baggage.fields();
  }
}

function labEntries(baggage: Baggage): Baggage {
  const foreign = baggage.getAllEntries().map(([key]) => key);
  return baggage.removeEntries(...foreign.filter((key) => !key.startsWith(LAB_PREFIX)));
}
