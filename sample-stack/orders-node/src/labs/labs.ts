import { propagation, trace } from '@opentelemetry/api';
import { SERVICE_NAME } from '../service-name';
import { DELAY, sleepIn } from './delay';
import type { LabKind } from './kind';
import { N_PLUS_ONE, NPlusOne } from './n-plus-one';
import { SLOW_SQL, SlowSql } from './slow-sql';

/** The faults that one call asked for; none as long as labs are off. */
export class CallLabs {
  constructor(
    private readonly slowSql: SlowSql | null = null,
    private readonly nPlusOne: NPlusOne | null = null,
  ) {}

  /** The SELECT statement as it is or, in a call of the lab and once, a slow one. */
  slowDown(sql: string, values: readonly unknown[]): { sql: string; values: readonly unknown[] } {
    return this.slowSql?.slowDown(sql, values) ?? { sql, values };
  }

  /** The ids as they are to be asked for, a query each: together or, in a call of the lab, not. */
  batches(ids: readonly string[]): readonly (readonly string[])[] {
    return this.nPlusOne?.batches(ids) ?? [ids];
  }

  /**
   * Those of the ids that are to be asked for once more, one by one, although a query gave all of
   * them already: none, except in a call of the lab.
   */
  again(ids: readonly string[]): readonly string[] {
    return this.nPlusOne?.again(ids) ?? [];
  }
}

/**
 * The faults that the baggage of this call asks for, recorded on its SERVER span. A delay has
 * passed when it returns.
 */
export async function obeyLabs(path: string, signal: AbortSignal): Promise<CallLabs> {
  const span = trace.getActiveSpan();
  if (!span || !propagation.getActiveBaggage()) return new CallLabs();
  const asked = (kind: LabKind): number | null => {
    const value = propagation.getActiveBaggage()?.getEntry(kind.key)?.value;
    const fault = value === undefined ? null : kind.parse(value);
    if (typeof fault === 'string') span.setAttribute('hopwatch.lab.error', fault);
    if (fault === null || typeof fault === 'string' || fault.service !== SERVICE_NAME) return null;
    return fault.method === null || path.endsWith(`/${fault.method}`) ? fault.measure : null;
  };
  const [slow, most, delay] = [asked(SLOW_SQL), asked(N_PLUS_ONE), asked(DELAY)];
  const labs = new CallLabs(
    slow === null ? null : new SlowSql(span, slow),
    most === null ? null : new NPlusOne(span, most),
  );
  if (delay !== null) await sleepIn(span, delay, signal);
  return labs;
}
