import { status as Code, type handleUnaryCall, type ServerUnaryCall } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Call } from '../call';
import { CallError } from '../call-error';
import { CallLabs, obeyLabs } from '../labs/labs';
import { isUnavailable } from '../postgres/errors';

/** Bounds calls whose client set no deadline, or one far away. */
const MAX_CALL_MS = 10_000;

/** Answers a request, or throws; a CallError is what the client is told. */
export type Handler<Request, Response> = (request: Request, call: Call) => Promise<Response>;

/** What every call goes through. */
export class Calls {
  private readonly running = new Set<AbortController>();

  constructor(
    private readonly log: Logger,
    private readonly labs: boolean,
  ) {}

  /**
   * Turns whatever a handler returns or throws into an answer of the contract, within the deadline,
   * and logs each call. What the client need not know goes to the log only.
   */
  unary<Request, Response>(handle: Handler<Request, Response>): handleUnaryCall<Request, Response> {
    return async (wire, respond) => {
      const start = performance.now();
      const controller = new AbortController();
      const ended = this.giveUpInTime(wire, controller);
      let response: Response | null = null;
      let failure: unknown;
      try {
        const { signal } = controller;
        const labs = this.labs ? await obeyLabs(wire.getPath(), signal) : new CallLabs();
        response = await handle(wire.request, { signal, labs });
      } catch (error) {
        failure = error ?? new Error('nothing was thrown');
      }
      ended();
      const outcome = failure === undefined ? null : answerTo(failure);
      this.logCall(wire.getPath(), performance.now() - start, failure, outcome);
      if (outcome) respond({ code: outcome.code, details: outcome.message });
      else respond(null, response);
    };
  }

  /** Ends the calls that still run; returns how many. */
  abort(reason: CallError): number {
    for (const controller of this.running) controller.abort(reason);
    return this.running.size;
  }

  /** Aborts at the deadline or when the client has gone, until what it returns is called. */
  private giveUpInTime(
    wire: ServerUnaryCall<unknown, unknown>,
    controller: AbortController,
  ): () => void {
    const deadline = Math.min(Number(wire.getDeadline()), Date.now() + MAX_CALL_MS);
    const tooLate = (): void =>
      controller.abort(
        new CallError(Code.DEADLINE_EXCEEDED, 'the call took longer than its deadline'),
      );
    const timer = setTimeout(tooLate, Math.max(0, deadline - Date.now()));
    this.running.add(controller);
    wire.on('cancelled', () => {
      // Calls that were answered are told so too.
      if (!this.running.has(controller)) return;
      if (Date.now() >= deadline) tooLate();
      else controller.abort(new CallError(Code.CANCELLED, 'the client has gone'));
    });
    return () => {
      clearTimeout(timer);
      this.running.delete(controller);
    };
  }

  private logCall(path: string, millis: number, failure: unknown, outcome: CallError | null): void {
    const code = outcome?.code ?? Code.OK;
    const fields: Record<string, unknown> = {
      'rpc.method': path.slice(1),
      'rpc.response.status_code': Code[code],
      duration_ms: Math.round(millis * 1000) / 1000,
    };
    if (failure !== undefined) fields['error'] = String((failure as Error).message ?? failure);
    if (code === Code.INTERNAL) fields['stack'] = (failure as Error).stack;
    this.log[levelOf(code)](fields, 'call');
  }
}

function answerTo(error: unknown): CallError {
  if (error instanceof CallError) return error;
  if (isUnavailable(error)) {
    return new CallError(Code.UNAVAILABLE, 'the database cannot answer now; try again');
  }
  return new CallError(Code.INTERNAL, 'internal error');
}

/** How much somebody should look at a call that ended with the code. */
function levelOf(code: Code): 'error' | 'warn' | 'info' {
  switch (code) {
    case Code.INTERNAL:
    case Code.UNKNOWN:
    case Code.DATA_LOSS:
    case Code.UNAVAILABLE:
      return 'error';
    case Code.DEADLINE_EXCEEDED:
    case Code.RESOURCE_EXHAUSTED:
      return 'warn';
    default:
      return 'info';
  }
}
