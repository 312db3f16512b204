export { startTelemetry, stopTelemetry, type TelemetrySettings } from './sdk.js';
