/** Where troubles with the telemetry itself are told; pino's loggers are such. */
export interface Log {
  warn(fields: object, message: string): void;
}
