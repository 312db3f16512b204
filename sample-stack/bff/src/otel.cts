// Loaded by `node --require` before anything else, so that http, grpc-js and pino are patched when
// the application asks for them. The instrumentations first: what comes next logs already.
import './telemetry/instrumentations.js';

import { type Config, ConfigError, readConfig } from './config.js';
import { log } from './log.js';
import { startTelemetry } from './telemetry/sdk.js';

function configOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log.fatal(error.message);
    process.exit(2);
  }
}

startTelemetry(configOrExit());
