// Loaded by `node --require` before anything else, so that http and grpc-js are patched when the
// application asks for them.
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
