// Loaded by `node --require` before anything else, so that pino is patched when the application
// asks for it. The instrumentations first: what comes next logs already.
import './telemetry/instrumentations.js';

import { startTelemetry } from '@hopwatch/shop-shared/telemetry';
import { W3CBaggagePropagator } from '@opentelemetry/core';
import { type Config, ConfigError, readConfig } from './config.js';
import { log } from './log.js';
import { SERVICE_NAME } from './service-name.js';
import { instrumentations } from './telemetry/instrumentations.js';

function configOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${SERVICE_NAME}: ${error.message}\n`);
    process.exit(1);
  }
}

const { version, otlpEndpoint } = configOrExit();
startTelemetry({
  service: SERVICE_NAME,
  version,
  otlpEndpoint,
  log,
  baggage: new W3CBaggagePropagator(),
  instrumentations,
});
