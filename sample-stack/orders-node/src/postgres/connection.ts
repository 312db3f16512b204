import { type Attributes, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { PoolClient, QueryResultRow } from 'pg';
import { fromDriver, lostConnection, sqlState } from './errors';
import type { DatabaseMetrics } from './metrics';
import { SCOPE } from './scope';

const tracer = trace.getTracer(SCOPE);

/** One connection while a call uses it. Every statement is a span. */
export class Connection {
  private broken = false;

  /** `attributes` are what all its spans say of the database; `attempt` 1 is the second. */
  constructor(
    private readonly client: PoolClient,
    private readonly attributes: Attributes,
    private readonly metrics: DatabaseMetrics,
    private readonly attempt: number,
  ) {}

  /** The rows that a statement with its name in a first line of comment gives. */
  async query<Row extends QueryResultRow>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    return this.traced(sql, async () => {
      // Prepared once a connection, under a name.
      const result = await this.client.query<Row>({
        name: nameOf(sql),
        text: sql,
        values: [...values],
      });
      return result.rows;
    });
  }

  /** Runs work between BEGIN and COMMIT, or ROLLBACK if it throws. */
  async transaction<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.command('BEGIN');
    let result: Result;
    try {
      result = await work();
    } catch (error) {
      // A connection that cannot roll back is broken, and so is not used again.
      if (!this.broken) await this.command('ROLLBACK').catch(() => {});
      throw error;
    }
    await this.command('COMMIT');
    return result;
  }

  /** Ends the statement that runs, and the connection with it; the server hears of it too. */
  cut(): void {
    this.broken = true;
    void this.client.end();
  }

  release(): void {
    this.client.release(this.broken);
  }

  private command(name: string): Promise<unknown> {
    return this.traced(name, () => this.client.query(name));
  }

  private async traced<Result>(sql: string, run: () => Promise<Result>): Promise<Result> {
    const summary = summaryOf(sql);
    const [operation = ''] = summary.split(' ', 1);
    const ended = this.metrics.operation(operation);
    const span = tracer.startSpan(summary, {
      kind: SpanKind.CLIENT,
      attributes: {
        ...this.attributes,
        'db.operation.name': operation,
        'db.query.summary': summary,
        'db.query.text': sql,
        // What http.request.resend_count is for HTTP; the conventions for databases have none.
        ...(this.attempt > 0 ? { 'hopwatch.resend_count': this.attempt } : {}),
      },
    });
    try {
      return await run();
    } catch (failure) {
      const error = fromDriver(failure);
      // Whatever it was doing, it is not known to have ended.
      if (lostConnection(error)) this.broken = true;
      fail(span, error);
      throw error;
    } finally {
      span.end();
      ended();
    }
  }
}

/** Says in the span why it failed. */
export function fail(span: Span, error: unknown): void {
  const state = sqlState(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
  if (state) span.setAttribute('db.response.status_code', state);
}

/**
 * Of a statement, such as "SELECT products": ours carry it as a comment in their first line, where
 * the server's logs and pg_stat_activity show it too; BEGIN, COMMIT and ROLLBACK are their own.
 */
function summaryOf(sql: string): string {
  const [line = ''] = sql.split('\n', 1);
  return line.startsWith('-- ') ? line.slice(3) : line;
}

const names = new Map<string, string>();

function nameOf(sql: string): string {
  let name = names.get(sql);
  if (name === undefined) {
    name = `s${names.size}`;
    names.set(sql, name);
  }
  return name;
}
