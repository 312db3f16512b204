import { pino, stdTimeFunctions } from 'pino';
import { SERVICE_NAME } from './service-name';

/** Structured log lines on stdout; telemetry/instrumentations adds the trace of a call. */
export const log = pino({
  base: { service: SERVICE_NAME },
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
});
