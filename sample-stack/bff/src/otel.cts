// Loaded by `node --require` before anything else, so that http, grpc-js and pino are patched when
// the application asks for them. The instrumentations first: what comes next logs already.
import './telemetry/instrumentations.js';

import { startTelemetry } from '@hopwatch/shop-shared/telemetry';
import { type Config, ConfigError, readConfig } from './config.js';
import { log } from './log.js';
import { instrumentations } from './telemetry/instrumentations.js';
import { LabBaggagePropagator } from './telemetry/lab-baggage.js';
import { measureWireBytes } from './telemetry/wire-bytes.js';

function configOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log.fatal(error.message);
    process.exit(2);
  }
}

const { version, otlpEndpoint, labs } = configOrExit();
startTelemetry({
  service: 'shop-bff',
  version,
  otlpEndpoint,
  log,
  baggage: new LabBaggagePropagator(labs),
  instrumentations,
});
measureWireBytes();
