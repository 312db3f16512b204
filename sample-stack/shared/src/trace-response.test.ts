import assert from 'node:assert/strict';
import { test } from 'node:test';
import { traceIdOf } from './trace-response.js';

test('the trace id is read from a well-formed traceresponse, and from nothing else', () => {
  const id = '4bf92f3577b34da6a3ce929d0e0e4736';
  assert.equal(traceIdOf(`00-${id}-00f067aa0ba902b7-01`), id);
  for (const malformed of [null, '', id, `00-${id}-00f067aa0ba902b7`, `00-${id}-xyz-01`]) {
    assert.equal(traceIdOf(malformed), null);
  }
});
