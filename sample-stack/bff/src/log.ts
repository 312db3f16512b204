import { pino, stdTimeFunctions } from 'pino';

/** Structured log lines on stdout; telemetry/instrumentations adds the trace of a request. */
export const log = pino({
  base: null,
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
});
