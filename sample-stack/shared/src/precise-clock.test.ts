import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preciseClock, preciseNow } from './precise-clock.js';

const ORIGIN = 1_763_720_000_000.25;

test('a stamp keeps the nanoseconds that the sum of two doubles would lose', () => {
  const clock = preciseClock({
    wall: () => ORIGIN + 12.345678,
    origin: ORIGIN,
    monotonic: () => 12.345678,
  });
  assert.deepEqual(clock(), [1_763_720_000, 12_595_678]);
});

test('nanoseconds carry into the seconds', () => {
  const clock = preciseClock({
    wall: () => ORIGIN + 999.9,
    origin: ORIGIN,
    monotonic: () => 999.9,
  });
  assert.deepEqual(clock(), [1_763_720_001, 150_000]);
});

test('a small drift of the wall clock is left alone, a slept hour is caught up', () => {
  let monotonic = 10;
  let wall = ORIGIN + 10 + 99;
  const clock = preciseClock({ wall: () => wall, origin: ORIGIN, monotonic: () => monotonic });
  assert.deepEqual(clock(), [1_763_720_000, 10_250_000]);
  monotonic = 20;
  wall = ORIGIN + 20 + 3_600_000;
  assert.deepEqual(clock(), [1_763_723_600, 20_250_000]);
  monotonic = 21;
  wall += 1;
  assert.deepEqual(clock(), [1_763_723_600, 21_250_000]);
});

test("the runtime's clock agrees with its wall clock and never runs backwards", () => {
  let last = preciseNow();
  assert.ok(Math.abs(last[0] * 1000 + last[1] / 1e6 - Date.now()) < 200);
  for (let i = 0; i < 10_000; i++) {
    const next = preciseNow();
    assert.ok(next[0] > last[0] || (next[0] === last[0] && next[1] >= last[1]));
    last = next;
  }
});
