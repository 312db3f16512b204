import type { CallLabs } from './labs/labs';

/** What belongs to one call, and is handed down to all that is done for it. */
export interface Call {
  /** Aborted at the deadline or when the client has gone; the reason is the CallError to answer. */
  readonly signal: AbortSignal;
  readonly labs: CallLabs;
}
