import type { HrTime } from '@opentelemetry/api';

/** The two clocks that a stamp is made of. */
export interface Clocks {
  /** Wall clock, ms since 1970: may step. */
  wall(): number;
  /** `performance.timeOrigin`: wall-clock ms at which `monotonic` was zero. */
  readonly origin: number;
  /** `performance.now()`: fine ms since `origin`; stands still while some machines sleep. */
  monotonic(): number;
}

const NANOS_PER_MILLI = 1_000_000;
const NANOS_PER_SECOND = 1_000_000_000;
/** Stamps that are off by more than this were made on a machine that slept, or set its clock. */
const MAX_DRIFT_MS = 100;

/**
 * A clock as fine as the runtime's monotonic one (5 µs in an isolated page, ns in Node), anchored
 * to the wall clock. The sum origin + now would not do: a double of that size steps by 244 ns.
 */
export function preciseClock(clocks: Clocks): () => HrTime {
  const originMs = Math.floor(clocks.origin);
  const originNanos = Math.round((clocks.origin - originMs) * NANOS_PER_MILLI);
  let correctionMs = 0;
  return () => {
    const now = clocks.monotonic();
    const drift = clocks.wall() - (clocks.origin + correctionMs + now);
    if (Math.abs(drift) > MAX_DRIFT_MS) correctionMs += Math.round(drift);
    const wholeMs = Math.floor(now);
    const millis = originMs + correctionMs + wholeMs;
    const seconds = Math.floor(millis / 1000);
    const nanos =
      (millis - seconds * 1000) * NANOS_PER_MILLI +
      originNanos +
      Math.round((now - wholeMs) * NANOS_PER_MILLI);
    return [seconds + Math.floor(nanos / NANOS_PER_SECOND), nanos % NANOS_PER_SECOND];
  };
}

/** Now, by this runtime's own clocks. */
export const preciseNow = preciseClock({
  wall: () => Date.now(),
  origin: performance.timeOrigin,
  monotonic: () => performance.now(),
});
