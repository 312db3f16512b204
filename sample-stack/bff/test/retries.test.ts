import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status as Code } from '@grpc/grpc-js';
import { BackendError } from '../src/backend/backend-error';
import { RetryBudget, withRetries } from '../src/backend/retries';

function failing(code: Code): { attempts: number; call: () => Promise<never> } {
  const counted = {
    attempts: 0,
    call: () => {
      counted.attempts++;
      return Promise.reject(new BackendError(code, 'broken'));
    },
  };
  return counted;
}

test('only what is away for now is asked again, five times at most', async () => {
  for (const code of [Code.UNAVAILABLE, Code.CANCELLED]) {
    const away = failing(code);
    await assert.rejects(withRetries(new RetryBudget(), 5000, away.call), { code });
    assert.equal(away.attempts, 5);
  }
  for (const code of [Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.NOT_FOUND]) {
    const broken = failing(code);
    await assert.rejects(withRetries(new RetryBudget(), 5000, broken.call), { code });
    assert.equal(broken.attempts, 1);
  }
});

test('no attempt begins after the deadline, which all of them share', async () => {
  const before = Date.now();
  const deadlines = new Set<number>();
  let attempts = 0;
  const call = (deadline: number): Promise<never> => {
    attempts++;
    deadlines.add(deadline);
    return Promise.reject(new BackendError(Code.UNAVAILABLE, 'away'));
  };
  await assert.rejects(withRetries(new RetryBudget(), 120, call));
  assert.ok(attempts >= 2 && attempts < 5, `${attempts}`);
  assert.equal(deadlines.size, 1);
  assert.ok(Date.now() - before < 1000);
});

test('the budget lets retries be a fifth of the calls once its savings are spent', () => {
  const budget = new RetryBudget();
  let saved = 0;
  while (budget.spend()) saved++;
  assert.equal(saved, 50);
  let retries = 0;
  for (let calls = 0; calls < 1000; calls++) {
    budget.earn();
    if (budget.spend()) retries++;
  }
  assert.ok(retries >= 199 && retries <= 200, `${retries}`);
});
