import { context, type DiagLogger, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Log } from './log.js';

const SILENCE_MS = 60_000;

/** The SDK's own troubles, one line a minute: an absent collector must not fill the log. */
export class QuietDiagLogger implements DiagLogger {
  private nextAt = 0;
  private silenced = 0;

  constructor(
    private readonly log: Log,
    private readonly now: () => number = () => performance.now(),
  ) {}

  error(message: string, ...details: unknown[]): void {
    this.write(message, details);
  }
  warn(message: string, ...details: unknown[]): void {
    this.write(message, details);
  }
  info(): void {}
  debug(): void {}
  verbose(): void {}

  private write(message: string, details: unknown[]): void {
    if (this.now() < this.nextAt) {
      this.silenced++;
      return;
    }
    this.nextAt = this.now() + SILENCE_MS;
    // Not in the context of the request that happened to be traced last.
    context.with(ROOT_CONTEXT, () =>
      this.log.warn({ details, silenced: this.silenced }, `telemetry: ${message}`),
    );
    this.silenced = 0;
  }
}
