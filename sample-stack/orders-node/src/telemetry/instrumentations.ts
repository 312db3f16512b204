import { PinoInstrumentation } from '@opentelemetry/instrumentation-pino';
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node';

// Calls and statements make their own spans (server/observe.ts, postgres/statements.ts): the public
// instrumentations of grpc-js and pg write other names and attributes than the Go service's do, and
// that of grpc-js has no metrics.
export const instrumentations = [
  // Puts the active span's ids into log lines, and sends the lines as OTLP logs too.
  new PinoInstrumentation(),
  new RuntimeNodeInstrumentation(),
];
