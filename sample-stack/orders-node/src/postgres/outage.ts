import { setTimeout as sleep } from 'node:timers/promises';
import { context, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Logger } from 'pino';
import { abortable } from '../abortable';
import { DatabaseAway } from './errors';
import { SCOPE } from './scope';

/** How long an outage may last before calls fail at once instead of waiting for its end. */
const PATIENCE_MS = 5000;
const PROBE_INTERVAL_MS = 50;

const tracer = trace.getTracer(SCOPE);

interface Absence {
  readonly since: number;
  readonly over: Promise<void>;
}

/**
 * The time in which the server is away. Calls wait for its end together, and one probe knocks for
 * all of them:
 *
 *     server  ====x                          x=====
 *     probe        |-x-|-x-|-x-|-x-|-x-|-x-|-ok
 *     call a  ----x|...........................|---
 *     call b           |.......................|---
 *
 * Once it has lasted longer than PATIENCE_MS, calls fail at once.
 */
export class Outage {
  private absence: Absence | null = null;
  private closed = false;

  /** `answers` tells whether the server takes connections. */
  constructor(
    private readonly answers: () => Promise<boolean>,
    private readonly log: Logger,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Begins the outage, unless it is known already, and says so. */
  begin(cause: unknown): void {
    if (this.absence || this.closed) return;
    this.log.warn({ error: String(cause) }, 'connection to the database lost');
    const since = this.now();
    // Not in the context of the call that happened to find out.
    this.absence = { since, over: context.with(ROOT_CONTEXT, () => this.watch(since)) };
  }

  /** Returns when the server is believed to be there; throws when that takes too long. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.absence) return;
    const { since, over } = this.absence;
    // The name says to the ledger that this is waiting, not work.
    const span = tracer.startSpan('acquire connection');
    const patience = new AbortController();
    const tooLong = sleep(Math.max(0, since + PATIENCE_MS - this.now()), undefined, {
      signal: patience.signal,
    }).then(() => {
      throw new DatabaseAway();
    });
    try {
      await abortable(Promise.race([over, tooLong]), signal);
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
      throw error;
    } finally {
      tooLong.catch(() => {});
      patience.abort();
      span.end();
    }
  }

  /** Ends the knocking; nobody waits any more. */
  close(): void {
    this.closed = true;
  }

  private async watch(since: number): Promise<void> {
    while (!this.closed && !(await this.answers())) await sleep(PROBE_INTERVAL_MS);
    this.absence = null;
    if (this.closed) return;
    this.log.info({ outage_ms: Math.round(this.now() - since) }, 'the database takes connections');
  }
}
