import { setTimeout as sleep } from 'node:timers/promises';
import { status as Code } from '@grpc/grpc-js';
import { type Attributes, SpanKind, trace } from '@opentelemetry/api';
import { DatabaseError, type Pool, type PoolClient, type QueryResultRow } from 'pg';
import type { Logger } from 'pino';
import { abortable } from '../abortable';
import type { Call } from '../call';
import { CallError } from '../call-error';
import { RetryBudget } from './budget';
import { Connection, fail } from './connection';
import { fromDriver, lostConnection, lostRace } from './errors';
import { DatabaseMetrics } from './metrics';
import { Outage } from './outage';
import { SCOPE } from './scope';

/** Attempts at one query or transaction. An outage costs one, however long: see Outage. */
const MAX_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 5;
const MAX_PAUSE_MS = 200;

const tracer = trace.getTracer(SCOPE);

/** What is told of the database in spans and metrics. */
export interface DatabaseName {
  readonly host: string;
  readonly port: number;
  readonly database: string;
}

/**
 * Runs queries and transactions, and runs them again if the connection was lost or they lost a
 * race, within the deadline of the call and the budget for retries. The spans of a further attempt
 * have the same parent and say which attempt it is.
 */
export class Database {
  private readonly attributes: Attributes;
  private readonly metrics: DatabaseMetrics;
  private readonly outage: Outage;
  private readonly retries = new RetryBudget();
  private used = 0;

  /** `answers` tells whether the server takes connections, without the pool. */
  constructor(
    private readonly pool: Pool,
    { host, port, database }: DatabaseName,
    answers: () => Promise<boolean>,
    log: Logger,
  ) {
    this.outage = new Outage(answers, log);
    this.attributes = {
      'db.system.name': 'postgresql',
      'db.namespace': database,
      'server.address': host,
      'server.port': port,
    };
    this.metrics = new DatabaseMetrics(`${host}:${port}/${database}`, () => ({
      idle: pool.idleCount,
      used: this.used,
      max: pool.options.max,
    }));
  }

  /** The rows that a statement without side effects gives. */
  select<Row extends QueryResultRow>(
    call: Call,
    sql: string,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const statement = call.labs.slowDown(sql, values);
    return this.repeat(call, (connection) =>
      connection.query<Row>(statement.sql, statement.values),
    );
  }

  /** The rows of the ids, which the statement takes as an array in $1. */
  async selectById<Row extends QueryResultRow>(
    call: Call,
    sql: string,
    ids: readonly string[],
  ): Promise<Row[]> {
    const rows: Row[] = [];
    for (const batch of call.labs.batches(ids)) {
      rows.push(...(await this.select<Row>(call, sql, [batch])));
    }
    return rows;
  }

  /**
   * Runs work in a transaction. If the connection is lost at the commit, nobody knows whether it
   * was done; work runs again all the same, so it must begin with a row of a unique key that was
   * chosen before: the second one meets the first (isDuplicate).
   */
  transact<Result>(call: Call, work: (connection: Connection) => Promise<Result>): Promise<Result> {
    return this.repeat(call, (connection) => connection.transaction(() => work(connection)));
  }

  /** Runs a statement that may be run twice. */
  async execute(call: Call, sql: string, values: readonly unknown[]): Promise<void> {
    await this.repeat(call, (connection) => connection.query(sql, values));
  }

  /** Closes all connections once they are not in use. */
  async close(): Promise<void> {
    this.outage.close();
    await this.pool.end();
  }

  private async repeat<Result>(
    call: Call,
    work: (connection: Connection) => Promise<Result>,
  ): Promise<Result> {
    this.retries.earn();
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.attempt(call, attempt, work);
      } catch (error) {
        if (!this.mayRepeat(call, error) || attempt + 1 === MAX_ATTEMPTS) throw error;
      }
      await sleep(pauseAfter(attempt));
    }
  }

  private async attempt<Result>(
    call: Call,
    attempt: number,
    work: (connection: Connection) => Promise<Result>,
  ): Promise<Result> {
    await this.outage.wait(call.signal);
    const client = await this.acquire(call.signal);
    const released = this.metrics.using();
    this.used++;
    const connection = new Connection(client, this.attributes, this.metrics, attempt);
    const cut = (): void => connection.cut();
    call.signal.addEventListener('abort', cut, { once: true });
    try {
      return await work(connection);
    } catch (error) {
      // The statement was cut off: what the client is told is why.
      call.signal.throwIfAborted();
      throw error;
    } finally {
      call.signal.removeEventListener('abort', cut);
      connection.release();
      this.used--;
      released();
    }
  }

  private async acquire(signal: AbortSignal): Promise<PoolClient> {
    const ended = this.metrics.waiting();
    const span = tracer.startSpan('pool.acquire', {
      kind: SpanKind.CLIENT,
      attributes: this.attributes,
    });
    const connecting = this.pool.connect();
    try {
      return await abortable(connecting, signal);
    } catch (failure) {
      // What comes after all is for others.
      connecting.then(
        (client) => client.release(),
        () => {},
      );
      const error = this.notAcquired(failure);
      fail(span, error);
      throw error;
    } finally {
      span.end();
      ended();
    }
  }

  private notAcquired(error: unknown): unknown {
    if (error instanceof CallError || error instanceof DatabaseError) return error;
    // While all are in use nothing was tried but to wait.
    if (this.used < this.pool.options.max) return fromDriver(error);
    this.metrics.timedOut();
    // A status of its own, for clients do not try again what would make it worse.
    return new CallError(Code.RESOURCE_EXHAUSTED, 'all connections to the database are in use');
  }

  /** Whether another attempt may do better and can be afforded. */
  private mayRepeat(call: Call, error: unknown): boolean {
    if (call.signal.aborted) return false;
    if (lostConnection(error)) this.outage.begin(error);
    else if (!lostRace(error)) return false;
    return this.retries.spend();
  }
}

/** Doubles each time; jittered, or all that failed together would come back together. */
function pauseAfter(attempt: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** attempt, MAX_PAUSE_MS) * (0.5 + Math.random());
}
