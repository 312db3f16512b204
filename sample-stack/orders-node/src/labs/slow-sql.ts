import type { Span } from '@opentelemetry/api';
import { LabKind } from './kind';

/** `hopwatch.lab.slow-sql=<service>[/<method>]:<n>ms`: the first SELECT is slow inside Postgres. */
export const SLOW_SQL = new LabKind('hopwatch.lab.slow-sql', 'ms', 10_000);

/** In a call whose first SELECT is to be slow. */
export class SlowSql {
  private done = false;

  constructor(
    private readonly span: Span,
    private readonly millis: number,
  ) {}

  /** A statement that gives the same rows but takes longer; null after the first. */
  slowDown(
    sql: string,
    values: readonly unknown[],
  ): { sql: string; values: readonly unknown[] } | null {
    if (this.done) return null;
    this.done = true;
    this.span.setAttributes({
      'hopwatch.lab.name': 'slow-sql',
      'hopwatch.lab.delay_ms': this.millis,
    });
    const [name, ...body] = sql.split('\n');
    // A subquery that depends on no row runs once, however many rows there are.
    const slow =
      `${name}\nSELECT * FROM (\n${body.join('\n')}\n) AS rows\n` +
      `WHERE (SELECT pg_sleep($${values.length + 1})) IS NOT NULL`;
    return { sql: slow, values: [...values, this.millis / 1000] };
  }
}
