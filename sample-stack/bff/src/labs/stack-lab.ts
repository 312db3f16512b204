import { readFile } from 'node:fs/promises';
import { type Baggage, context, propagation, type Span, trace } from '@opentelemetry/api';
import { parseKeyPairsIntoRecord } from '@opentelemetry/core';
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { LAB_PREFIX } from '../telemetry/lab-baggage';
import { isTraced } from '../telemetry/traced-paths';

const LOOK_EVERY_MS = 500;

/** The lab that runs for the whole stack. */
export interface StackLab {
  readonly baggage: Baggage;
  /** Of the requests that carry no lab of their own. */
  readonly share: number;
}

/** Reads the file that `hopwatch-stack lab start` writes; throws if it is something else. */
export function parseStackLab(text: string): StackLab {
  const { baggage, share } = JSON.parse(text) as { baggage?: unknown; share?: unknown };
  const entries = typeof baggage === 'string' ? parseKeyPairsIntoRecord(baggage) : {};
  const keys = Object.keys(entries);
  if (keys.length === 0 || !keys.every((key) => key.startsWith(LAB_PREFIX))) {
    throw new Error(`"baggage" must hold entries that begin with ${LAB_PREFIX}`);
  }
  if (typeof share !== 'number' || !(share >= 0 && share <= 1)) {
    throw new Error('"share" must be a number from 0 to 1');
  }
  const values = Object.entries(entries).map(([key, value]) => [key, { value }] as const);
  return { baggage: propagation.createBaggage(Object.fromEntries(values)), share };
}

/** The same traces at every start, and evenly: the last 52 bits of a trace id are random. */
export function isChosen(traceId: string, share: number): boolean {
  return Number.parseInt(traceId.slice(-13), 16) / 2 ** 52 < share;
}

/** Looks at the lab file again and again: absent when no lab runs. */
export class StackLabFile {
  private seen = '';
  private lab: StackLab | null = null;

  constructor(
    private readonly file: string,
    private readonly log: FastifyBaseLogger,
  ) {}

  /** Looks now, and from then on as long as the process lives. */
  async watch(): Promise<void> {
    await this.look();
    setTimeout(() => this.watch(), LOOK_EVERY_MS).unref();
  }

  /** Hook that puts the running lab's baggage on its share of the API's requests. */
  readonly ask = (request: FastifyRequest, _reply: FastifyReply, done: () => void): void => {
    const baggage = isTraced(request.url) ? this.baggageFor(trace.getActiveSpan()) : null;
    if (baggage) context.with(propagation.setBaggage(context.active(), baggage), done);
    else done();
  };

  private baggageFor(span: Span | undefined): Baggage | null {
    if (!this.lab || !span) return null;
    const carriesItsOwn = (propagation.getActiveBaggage()?.getAllEntries() ?? []).length > 0;
    const chosen = !carriesItsOwn && isChosen(span.spanContext().traceId, this.lab.share);
    return chosen ? this.lab.baggage : null;
  }

  private async look(): Promise<void> {
    const found = await readFile(this.file, 'utf8').catch((error: NodeJS.ErrnoException) => error);
    const seen = `${found}`;
    if (seen === this.seen) return;
    this.seen = seen;
    this.lab = null;
    try {
      if (found instanceof Error) throw found;
      this.lab = parseStackLab(found);
      this.log.info({ share: this.lab.share }, 'a lab runs for the whole stack');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.log.warn({ err: error, file: this.file }, 'no lab runs: its file is of no use');
    }
  }
}
