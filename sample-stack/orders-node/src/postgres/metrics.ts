import { metrics } from '@opentelemetry/api';
import { SCOPE } from './scope';

/** The buckets that the semantic conventions advise for database clients. */
const SECONDS = {
  unit: 's',
  advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] },
};

/** How many connections a pool has. */
export interface PoolSize {
  readonly idle: number;
  readonly used: number;
  readonly max: number;
}

/** db.client.operation.duration, and the db.client.connection.* of one pool. */
export class DatabaseMetrics {
  private readonly meter = metrics.getMeter(SCOPE);
  private readonly operations = this.meter.createHistogram('db.client.operation.duration', SECONDS);
  private readonly waits = this.meter.createHistogram('db.client.connection.wait_time', SECONDS);
  private readonly uses = this.meter.createHistogram('db.client.connection.use_time', SECONDS);
  private readonly pending = this.meter.createUpDownCounter(
    'db.client.connection.pending_requests',
    { unit: '{request}' },
  );
  private readonly timeouts = this.meter.createCounter('db.client.connection.timeouts', {
    unit: '{timeout}',
  });
  private readonly pool: { 'db.client.connection.pool.name': string };

  constructor(poolName: string, size: () => PoolSize) {
    this.pool = { 'db.client.connection.pool.name': poolName };
    const count = this.meter.createObservableUpDownCounter('db.client.connection.count', {
      unit: '{connection}',
    });
    const limit = this.meter.createObservableUpDownCounter('db.client.connection.max', {
      unit: '{connection}',
    });
    this.meter.addBatchObservableCallback(
      (observer) => {
        const { idle, used, max } = size();
        observer.observe(count, idle, { ...this.pool, 'db.client.connection.state': 'idle' });
        observer.observe(count, used, { ...this.pool, 'db.client.connection.state': 'used' });
        observer.observe(limit, max, this.pool);
      },
      [count, limit],
    );
  }

  /** Counts a call that asks for a connection; what it returns is called when that has ended. */
  waiting(): () => void {
    const ended = this.stopwatch((seconds) => this.waits.record(seconds, this.pool));
    this.pending.add(1, this.pool);
    return () => {
      this.pending.add(-1, this.pool);
      ended();
    };
  }

  /** Measures how long a connection is used, until what it returns is called. */
  using(): () => void {
    return this.stopwatch((seconds) => this.uses.record(seconds, this.pool));
  }

  /** Measures a statement, until what it returns is called. */
  operation(name: string): () => void {
    const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': name };
    return this.stopwatch((seconds) => this.operations.record(seconds, attributes));
  }

  timedOut(): void {
    this.timeouts.add(1, this.pool);
  }

  private stopwatch(record: (seconds: number) => void): () => void {
    const start = performance.now();
    return () => record((performance.now() - start) / 1000);
  }
}
