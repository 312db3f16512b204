import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { RetryBudget } from '../src/postgres/budget';
import { DatabaseAway } from '../src/postgres/errors';
import { Outage } from '../src/postgres/outage';

const log = pino({ level: 'silent' });
const forever = new AbortController().signal;

test('retries are a burst of 200, and a fifth of the calls after it', () => {
  const budget = new RetryBudget();
  const paid = (): number => {
    let count = 0;
    while (budget.spend()) count++;
    return count;
  };
  assert.equal(paid(), 200);
  for (let calls = 0; calls < 100; calls++) budget.earn();
  assert.equal(paid(), 20);
  for (let calls = 0; calls < 10_000; calls++) budget.earn();
  assert.equal(paid(), 200);
});

test('many wait, one knocks', async () => {
  let knocks = 0;
  const outage = new Outage(async () => ++knocks > 5, log);
  await outage.wait(forever); // there is none
  outage.begin(new Error('gone'));
  outage.begin(new Error('gone'));
  await Promise.all(Array.from({ length: 100 }, () => outage.wait(forever)));
  assert.equal(knocks, 6);
  await outage.wait(forever);
});

test('patience ends, for all that come later at once', async () => {
  let now = 0;
  const outage = new Outage(
    async () => false,
    log,
    () => now,
  );
  outage.begin(new Error('gone'));
  now = 4950;
  const start = performance.now();
  await assert.rejects(outage.wait(forever), DatabaseAway);
  assert.ok(performance.now() - start < 1000);
  now = 60_000;
  await assert.rejects(outage.wait(forever), DatabaseAway);
  outage.close();
});

test('deadlines hold', async () => {
  const outage = new Outage(async () => false, log);
  outage.begin(new Error('gone'));
  await assert.rejects(outage.wait(AbortSignal.timeout(50)), { name: 'TimeoutError' });
  outage.close();
});

test('a call whose time is over already ends alone', async () => {
  const outage = new Outage(async () => false, log);
  outage.begin(new Error('gone'));
  await assert.rejects(outage.wait(AbortSignal.abort(new Error('late'))), { message: 'late' });
  // An unheard rejection would end the process, and here the test.
  await new Promise((resolve) => setTimeout(resolve, 20));
  outage.close();
});
