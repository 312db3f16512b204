import type { Lab } from './obey';

/** The request computes before its handler: whatever else the process serves must wait for it. */
export const eventLoopBlock: Lab = {
  name: 'event-loop-block',
  measure: 'hopwatch.lab.block_ms',
  run: async (millis) => {
    const end = performance.now() + millis;
    while (performance.now() < end);
  },
};
