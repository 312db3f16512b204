import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Pool, type PoolConfig } from 'pg';
import type { Logger } from 'pino';
import { SERVICE_NAME } from '../service-name';
import { Database } from './database';
import { fromDriver, isUnavailable, lostConnection, sqlState, UNDEFINED_TABLE } from './errors';
import { columnTypes } from './types';

/** The same in all languages: what waits for a connection here waits there too. */
const DEFAULT_POOL_SIZE = 8;
/** How long a call waits for a connection while others use them all, or while one is made. */
const ACQUIRE_TIMEOUT_MS = 2000;
const IDLE_TIMEOUT_MS = 30 * 60_000;
const PROBE_TIMEOUT_MS = 1000;
/** How long a database that is started at the same time may take to come up and be migrated. */
const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 50;

/** Connects to the database at url and waits, within limits, until it holds the products. */
export async function openDatabase(
  url: string,
  log: Logger,
  signal: AbortSignal,
): Promise<Database> {
  const config = configOf(url);
  const name = new Client(config);
  const pool = new Pool(config);
  // Connections that are lost between statements: the next statement finds out, or the pool has
  // replaced it.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  try {
    await waitUntilReady(pool, log, signal);
  } catch (error) {
    await pool.end();
    signal.throwIfAborted();
    throw new Error(
      `database ${name.database} on ${name.host}:${name.port} is not ready ` +
        `(is it running, did shop-migrate succeed?): ${(error as Error).message}`,
    );
  }
  return new Database(
    pool,
    { host: name.host, port: name.port, database: name.database ?? '' },
    () => serverAnswers(config),
    log,
  );
}

function configOf(url: string): PoolConfig {
  const parameters = new URL(url).searchParams;
  const max = Number(parameters.get('pool_max_conns') ?? DEFAULT_POOL_SIZE);
  const min = Number(parameters.get('pool_min_conns') ?? 0);
  // pg would take 0 for 10, and no number for no limit.
  if (!Number.isInteger(max) || !(min >= 0 && min <= max) || max < 1) {
    throw new Error(`DATABASE_URL: a pool of ${min} to ${max} connections makes no sense`);
  }
  return {
    connectionString: url,
    application_name: SERVICE_NAME,
    max,
    min,
    connectionTimeoutMillis: ACQUIRE_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
    types: columnTypes,
    // Statements of calls that were given up end soon, and let their locks go.
    options: '-c client_connection_check_interval=250ms',
  };
}

/** Connects and leaves again. A server that answers, be it with a refusal, is there. */
async function serverAnswers(config: PoolConfig): Promise<boolean> {
  const client = new Client({ ...config, connectionTimeoutMillis: PROBE_TIMEOUT_MS });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
    return true;
  } catch (error) {
    return !lostConnection(fromDriver(error));
  }
}

async function waitUntilReady(pool: Pool, log: Logger, signal: AbortSignal): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (let said = false; ; said = true) {
    try {
      return await checkReady(pool);
    } catch (failure) {
      const error = fromDriver(failure) as Error;
      if (!curable(error) || performance.now() > end) throw error;
      if (!said) log.info({ error: error.message }, 'waiting for the database');
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

async function checkReady(pool: Pool): Promise<void> {
  const { rows } = await pool.query('SELECT FROM products LIMIT 1');
  if (rows.length === 0) throw new Error('there are no products');
}

/** Whether waiting may help: not when the server answered and said no. */
function curable(error: Error): boolean {
  const state = sqlState(error);
  return state === '' || state === UNDEFINED_TABLE || isUnavailable(error);
}
