import { quoted } from '../call-error';

/** What a lab is asked for: a measure, such as 50 (ms), for calls of one service. */
export interface Fault {
  readonly service: string;
  /** The gRPC method; null: every one. */
  readonly method: string | null;
  readonly measure: number;
}

/** Of labs: the key in the baggage, and how the measure is written. */
export class LabKind {
  constructor(
    readonly key: string,
    private readonly unit: string,
    private readonly most: number,
  ) {}

  /** Reads a value such as "shop-orders/PlaceOrder:50ms"; a text says what is wrong with it. */
  parse(value: string): Fault | string {
    const match = /^([^/:\s]+)(?:\/(\S+))?:([1-9]\d{0,4})([a-z]*)$/.exec(value);
    const [, service, method, digits, unit] = match ?? [];
    const measure = Number(digits);
    if (service === undefined || unit !== this.unit || measure > this.most) {
      return `${quoted(value, 80)} is not <service>[/<method>]:<1..${this.most}>${this.unit}`;
    }
    return { service, method: method ?? null, measure };
  }
}
