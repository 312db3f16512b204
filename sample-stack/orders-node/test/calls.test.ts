import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mock, test } from 'node:test';
import { status as Code } from '@grpc/grpc-js';
import { DatabaseError } from 'pg';
import { pino } from 'pino';
import { CallError } from '../src/call-error';
import { ConnectionLost } from '../src/postgres/errors';
import { Calls, type Handler } from '../src/server/calls';

interface Outcome {
  error: { code: Code; details: string } | null;
  response: unknown;
  line: Record<string, unknown>;
}

const UNTIL_ABORTED: Handler<unknown, unknown> = (_, { signal }) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

/** Calls a handler as grpc-js does; `cancel` says that it is over. */
function start(handler: Handler<unknown, unknown>, deadline: number | Date = Infinity) {
  let written = '';
  const log = pino({}, { write: (line) => (written += line) });
  const wire = new EventEmitter();
  Object.assign(wire, {
    request: {},
    getPath: () => '/shop.Orders/Method',
    getDeadline: () => deadline,
  });
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const calls = new Calls(log, false);
  calls.unary(handler)(wire as never, (error, response) =>
    resolve({ error: error as Outcome['error'], response, line: JSON.parse(written) }),
  );
  return { answered: promise, calls, cancel: () => wire.emit('cancelled', '') };
}

async function ask(handler: Handler<unknown, unknown>): Promise<Outcome> {
  return start(handler).answered;
}

test('whatever a handler does becomes a status of the contract and a line of the log', async () => {
  const refusal = new DatabaseError('terminating connection', 0, 'error');
  refusal.code = '57P01';
  const cases: [unknown, Code, string, number][] = [
    [new CallError(Code.NOT_FOUND, 'no product p1'), Code.NOT_FOUND, 'no product p1', 30],
    [new CallError(Code.RESOURCE_EXHAUSTED, 'busy'), Code.RESOURCE_EXHAUSTED, 'busy', 40],
    [
      new ConnectionLost(new Error('ECONNRESET')),
      Code.UNAVAILABLE,
      'the database cannot answer now; try again',
      50,
    ],
    [refusal, Code.UNAVAILABLE, 'the database cannot answer now; try again', 50],
    [new Error('password is 123'), Code.INTERNAL, 'internal error', 50],
    [undefined, Code.INTERNAL, 'internal error', 50],
  ];
  for (const [thrown, code, details, level] of cases) {
    const { error, line } = await ask(() => Promise.reject(thrown));
    assert.deepEqual(error, { code, details });
    assert.equal(line['level'], level);
    assert.equal(line['msg'], 'call');
    assert.equal(line['rpc.method'], 'shop.Orders/Method');
    assert.equal(line['rpc.response.status_code'], Code[code]);
    assert.equal(line['error'], thrown instanceof Error ? thrown.message : 'nothing was thrown');
    assert.equal('stack' in line, code === Code.INTERNAL);
  }
});

test('an answer is an answer', async () => {
  const { error, response, line } = await ask(async () => ({ products: [] }));
  assert.equal(error, null);
  assert.deepEqual(response, { products: [] });
  assert.equal(line['rpc.response.status_code'], 'OK');
  assert.ok(Number(line['duration_ms']) >= 0);
});

test('a call ends at its deadline, or after ten seconds', async (t) => {
  for (const [deadline, millis] of [
    [Infinity, 10_000],
    [60_000, 10_000],
    [new Date(300), 300],
  ] as const) {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
    const { answered } = start(UNTIL_ABORTED, deadline);
    t.mock.timers.tick(millis - 1);
    const early = mock.fn();
    answered.then(early);
    await new Promise(setImmediate);
    assert.equal(early.mock.callCount(), 0);
    t.mock.timers.tick(1);
    const { error } = await answered;
    assert.deepEqual(error, {
      code: Code.DEADLINE_EXCEEDED,
      details: 'the call took longer than its deadline',
    });
    t.mock.timers.reset();
  }
});

test('a client that has gone is told apart from a deadline', async () => {
  const gone = start(UNTIL_ABORTED);
  gone.cancel();
  assert.equal((await gone.answered).error?.code, Code.CANCELLED);
  // grpc-js tells of a deadline itself, as a cancellation.
  const late = start(UNTIL_ABORTED, Date.now() - 1);
  late.cancel();
  assert.equal((await late.answered).error?.code, Code.DEADLINE_EXCEEDED);
});

test('what still runs can be ended', async () => {
  const { calls, answered } = start(UNTIL_ABORTED);
  assert.equal(calls.abort(new CallError(Code.UNAVAILABLE, 'the server is stopping')), 1);
  assert.equal((await answered).error?.code, Code.UNAVAILABLE);
  assert.equal(calls.abort(new CallError(Code.UNAVAILABLE, 'the server is stopping')), 0);
});
