import { DatabaseError } from 'pg';

/** The server is away, or has at least ended this connection. */
export class ConnectionLost extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? describe(cause) : String(cause), { cause });
  }
}

/** The server has been away for too long. */
export class DatabaseAway extends Error {
  constructor() {
    super('the database has been away for too long');
  }
}

// SQLSTATEs, see the PostgreSQL manual, appendix A.
const ADMIN_SHUTDOWN = '57P01';
const CRASH_SHUTDOWN = '57P02';
const CANNOT_CONNECT_NOW = '57P03';
const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';
const UNIQUE_VIOLATION = '23505';
export const UNDEFINED_TABLE = '42P01';

/** The SQLSTATE with which the server refused; empty if it did not get to answer. */
export function sqlState(error: unknown): string {
  return error instanceof DatabaseError ? (error.code ?? '') : '';
}

/** Whether a row was refused because there is one with the same unique key. */
export function isDuplicate(error: unknown): boolean {
  return sqlState(error) === UNIQUE_VIOLATION;
}

export function lostRace(error: unknown): boolean {
  return [SERIALIZATION_FAILURE, DEADLOCK_DETECTED].includes(sqlState(error));
}

export function lostConnection(error: unknown): boolean {
  const state = sqlState(error);
  return (
    error instanceof ConnectionLost ||
    [ADMIN_SHUTDOWN, CRASH_SHUTDOWN, CANNOT_CONNECT_NOW].includes(state) ||
    state.startsWith('08') // connection exception
  );
}

/**
 * Whether the same request may succeed a little later: the server is away, starting, stopping or
 * full, or the transaction kept losing races.
 */
export function isUnavailable(error: unknown): boolean {
  // Class 53 insufficient resources, 57 operator intervention.
  return (
    lostRace(error) ||
    lostConnection(error) ||
    error instanceof DatabaseAway ||
    /^5[37]/.test(sqlState(error))
  );
}

/**
 * What the driver throws, told apart: what the server refused is left as it is; all else means that
 * the connection is of no use, except a TypeError, which is a mistake of ours.
 */
export function fromDriver(error: unknown): unknown {
  return error instanceof DatabaseError || error instanceof TypeError
    ? error
    : new ConnectionLost(error);
}

/** An AggregateError, of a host with several addresses, has no message of its own. */
function describe(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return error.message || code || error.name;
}
