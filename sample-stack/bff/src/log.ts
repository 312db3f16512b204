import { pino, stdTimeFunctions } from 'pino';

/** Structured log lines on stdout; inside a request they carry its trace (telemetry/instrumentations). */
export const log = pino({
  base: null,
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
});
