import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QuietDiagLogger } from './quiet-diag-logger.js';

test('troubles of the SDK are told once a minute, with how many were kept silent', (t) => {
  const warn = t.mock.fn<(fields: object, message: string) => void>();
  let now = 0;
  const logger = new QuietDiagLogger({ warn }, () => now);
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
