import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { Client } from 'pg';
import { pino } from 'pino';
import type { Call } from '../src/call';
import { CallLabs } from '../src/labs/labs';
import type { Database } from '../src/postgres/database';
import { openDatabase } from '../src/postgres/open';

const SERVER = process.env['TEST_DATABASE_URL'];

/** Of tests that need a server: why they cannot run. */
export const NO_SERVER = SERVER
  ? false
  : 'TEST_DATABASE_URL is not set: it names a Postgres server on which databases may be created';

/** Products of the migrations, and the prices of one unit. */
export const PLENTY = { productId: 'p00001', price: 5790n };
export const SCARCE = { productId: 'p00021', price: 7390n };
export const SOLD_OUT = { productId: 'p00008', price: 10990n };

const MIGRATIONS = path.resolve(__dirname, '../../../../db/migrations');

/** Creates a database with the shop's schema and products, dropped when the test ends. */
export async function newDatabase(t: TestContext): Promise<string> {
  const server = SERVER ?? '';
  const name = `shop_test_${randomBytes(8).toString('hex')}`;
  await execute(server, `CREATE DATABASE ${name}`);
  t.after(() => execute(server, `DROP DATABASE ${name} WITH (FORCE)`));
  const url = new URL(server);
  url.pathname = name;
  for (const file of readdirSync(MIGRATIONS).sort()) {
    await execute(url.href, readFileSync(path.join(MIGRATIONS, file), 'utf8'));
  }
  // Files are tested side by side, on a server that may have few connections to give.
  url.searchParams.set('pool_max_conns', '6');
  return url.href;
}

/** How the service sees the database at url. */
export async function open(t: TestContext, url: string): Promise<Database> {
  const log = pino({ level: 'silent' });
  const database = await openDatabase(url, log, new AbortController().signal);
  t.after(() => database.close());
  return database;
}

/** How a test looks at the database at url beside the service. */
export async function look(t: TestContext, url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  // The database is dropped before the client ends.
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.end());
  return client;
}

/** A call without deadline or labs. */
export function anyCall(): Call {
  return { signal: new AbortController().signal, labs: new CallLabs() };
}

/** Totals of what must agree. */
export interface Books {
  orders: number;
  authorised: number;
  units: number;
}

export async function books(client: Client): Promise<Books> {
  const { rows } =
    await client.query<Books>(`SELECT (SELECT count(*) FROM orders)::integer AS orders,
    (SELECT count(*) FROM payments WHERE status = 'authorised')::integer AS authorised,
    (SELECT sum(units) FROM stock_levels)::float AS units`);
  return rows[0] as Books;
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
