import assert from 'node:assert/strict';
import { test } from 'node:test';
import { log } from '../src/log';
import { QuietDiagLogger } from '../src/telemetry/quiet-diag-logger';

test('troubles of the SDK are told once a minute, with how many were kept silent', (t) => {
  const warn = t.mock.method(log, 'warn', () => {});
  let now = 0;
  const logger = new QuietDiagLogger(() => now);
  logger.error('refused');
  logger.warn('refused');
  logger.error('refused');
  assert.equal(warn.mock.callCount(), 1);
  now = 60_000;
  logger.error('refused again');
  assert.equal(warn.mock.callCount(), 2);
  assert.deepEqual(warn.mock.calls[1]?.arguments, [
    { details: [], silenced: 2 },
    'telemetry: refused again',
  ]);
});
