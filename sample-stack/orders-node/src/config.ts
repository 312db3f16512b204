/** What the environment says; the README has the table. */
export interface Config {
  /** host:port of the gRPC server. */
  readonly listen: ListenAddress;
  readonly databaseUrl: string;
  readonly otlpEndpoint: URL;
  readonly version: string;
  /** Whether faults that a request asks for are obeyed. */
  readonly labs: boolean;
  /** How long calls are still answered after the signal to stop. */
  readonly drainMs: number;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The environment cannot be used; the message says all that is wrong and what it should be. */
export class ConfigError extends Error {}

const MAX_DRAIN_SECONDS = 60;

export function readConfig(env: NodeJS.ProcessEnv): Config {
  const listen = env['ORDERS_LISTEN'] || '127.0.0.1:15051';
  const address = listenAddress(listen);
  const databaseUrl = env['DATABASE_URL'] ?? '';
  const endpoint = env['OTEL_EXPORTER_OTLP_ENDPOINT'] || 'http://127.0.0.1:4318';
  const otlpEndpoint = httpUrl(endpoint);
  const drain = env['SHOP_DRAIN_SECONDS'] || '1';
  const seconds = Number(drain);
  const problems = [
    address ?? `ORDERS_LISTEN is "${listen}"; it must be host:port, such as 127.0.0.1:15051`,
    URL.canParse(databaseUrl) ||
      "DATABASE_URL is not a URL; give it the shop's database, for example " +
        'postgres://shop:secret@127.0.0.1:15432/shop',
    otlpEndpoint ?? `OTEL_EXPORTER_OTLP_ENDPOINT is "${endpoint}"; it must be an http or https URL`,
    (seconds >= 0 && seconds <= MAX_DRAIN_SECONDS) ||
      `SHOP_DRAIN_SECONDS is "${drain}"; it must be 0 to ${MAX_DRAIN_SECONDS}`,
    refusal(env, 'ORDERS_REST_LISTEN', 'REST is not served by orders in Node'),
    refusal(env, 'PAYMENTS_ADDRESS', 'payments is a module of orders in Node'),
  ].filter((problem) => typeof problem === 'string');
  if (problems.length > 0 || !address || !otlpEndpoint) throw new ConfigError(problems.join('\n'));
  return {
    listen: address,
    databaseUrl,
    otlpEndpoint,
    version: env['SHOP_VERSION'] || 'dev',
    labs: env['HOPWATCH_LABS'] === '1',
    drainMs: seconds * 1000,
  };
}

/** What is not offered is refused: ignored, it would be measured as if it were obeyed. */
function refusal(env: NodeJS.ProcessEnv, name: string, why: string): string | null {
  return env[name] ? `${name} is set, but ${why}; use orders in Go, or unset it` : null;
}

function listenAddress(text: string): ListenAddress | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) return null;
  return { host: match[1] ?? match[2] ?? '', port };
}

function httpUrl(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : null;
}
