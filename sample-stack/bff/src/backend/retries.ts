import { setTimeout as sleep } from 'node:timers/promises';
import { status as Code } from '@grpc/grpc-js';
import { BackendError } from './backend-error';

/** Retries may add a fifth to the calls; a burst of failures may spend what was saved. */
const EARNED_PER_CALL = 0.2;
const MAX_SAVED = 50;

const MAX_ATTEMPTS = 5;
/**
 * The server is away, or left before it took the call: gRPC's C core, which serves Python, resets
 * such calls instead of refusing them (grpc/grpc#41785). The BFF itself cancels none.
 */
const AWAY: ReadonlySet<Code> = new Set([Code.UNAVAILABLE, Code.CANCELLED]);

const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 500;

/** A token bucket: when much fails, retries end, so that they cannot keep a service down. */
export class RetryBudget {
  private tokens = MAX_SAVED;

  earn(): void {
    this.tokens = Math.min(MAX_SAVED, this.tokens + EARNED_PER_CALL);
  }

  /** Pays for one retry, if there is enough. */
  spend(): boolean {
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }
}

/**
 * Calls until it succeeds, its failure is not that the server is away, or time or budget is over;
 * the last failure is thrown. Only for what may be done twice. Unlike gRPC's own retries, each
 * attempt is seen in the trace.
 */
export async function withRetries<Result>(
  budget: RetryBudget,
  deadlineMs: number,
  attempt: (deadline: number) => Promise<Result>,
): Promise<Result> {
  const deadline = Date.now() + deadlineMs;
  budget.earn();
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt(deadline);
    } catch (error) {
      const pause = pauseAfter(attempts);
      const another =
        error instanceof BackendError &&
        AWAY.has(error.code) &&
        attempts < MAX_ATTEMPTS &&
        Date.now() + pause < deadline &&
        budget.spend();
      if (!another) throw error;
      await sleep(pause);
    }
  }
}

/** Doubles each time; jittered, or all that failed together would come back together. */
function pauseAfter(attempts: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), MAX_PAUSE_MS) * (0.75 + Math.random() / 2);
}
