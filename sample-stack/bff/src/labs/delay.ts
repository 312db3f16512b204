import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from './obey';

/** The request sleeps before its handler; others are served meanwhile. */
export const delay: Lab = {
  name: 'delay',
  measure: 'hopwatch.lab.delay_ms',
  run: (millis) => sleep(millis),
};
