import { existsSync } from 'node:fs';
import path from 'node:path';

/** What the environment says; the README has the table. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** By which protocol the services are called. */
  readonly ordersProtocol: OrdersProtocol;
  /** host:port by gRPC. */
  readonly ordersAddress: string;
  /** host:port by REST. */
  readonly ordersRestAddress: string;
  readonly webRoot: string;
  readonly otlpEndpoint: URL;
  readonly version: string;
  readonly labs: boolean;
  /** Where the lab that runs for the whole stack is written down. */
  readonly labsFile: string | null;
  /** Where people look at traces. */
  readonly dashboardUrl: URL | null;
  /** How long requests are still taken after SIGTERM, with readiness off. */
  readonly drainMs: number;
}

export type OrdersProtocol = 'grpc' | 'rest';

/** The environment cannot be used; the message says which variable and what it should hold. */
export class ConfigError extends Error {}

const MAX_DRAIN_SECONDS = 300;
const BUILT_PAGE = path.resolve(__dirname, '../../web/dist/browser');

export function readConfig(env: NodeJS.ProcessEnv): Config {
  const { host, port } = listenAddress(env['BFF_LISTEN'] || '127.0.0.1:8080');
  return {
    host,
    port,
    ordersProtocol: ordersProtocol(env['ORDERS_PROTOCOL'] || 'grpc'),
    ordersAddress: env['ORDERS_ADDRESS'] || '127.0.0.1:15051',
    ordersRestAddress: hostAndPort(
      'ORDERS_REST_ADDRESS',
      env['ORDERS_REST_ADDRESS'] || '127.0.0.1:15052',
    ),
    webRoot: builtPage(env['WEB_ROOT'] || BUILT_PAGE),
    otlpEndpoint: httpUrl(
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      env['OTEL_EXPORTER_OTLP_ENDPOINT'] || 'http://127.0.0.1:4318',
    ),
    version: env['SHOP_VERSION'] || 'dev',
    labs: env['HOPWATCH_LABS'] === '1',
    labsFile: env['HOPWATCH_LABS_FILE'] || null,
    dashboardUrl: env['HOPWATCH_DASHBOARD_URL']
      ? httpUrl('HOPWATCH_DASHBOARD_URL', env['HOPWATCH_DASHBOARD_URL'])
      : null,
    drainMs: 1000 * drainSeconds(env['SHOP_DRAIN_SECONDS'] || '1'),
  };
}

/** Reads host:port. */
export function listenAddress(value: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new ConfigError(`BFF_LISTEN must be host:port, such as 127.0.0.1:8080, not "${value}"`);
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

function ordersProtocol(value: string): OrdersProtocol {
  if (value !== 'grpc' && value !== 'rest') {
    throw new ConfigError(`ORDERS_PROTOCOL must be grpc or rest, not "${value}"`);
  }
  return value;
}

function hostAndPort(name: string, value: string): string {
  const url = URL.canParse(`http://${value}`) ? new URL(`http://${value}`) : null;
  // The URL leaves the port of http out.
  if (!/:\d+$/.test(value) || url?.pathname !== '/' || url.username !== '') {
    throw new ConfigError(`${name} must be host:port, such as 127.0.0.1:15052, not "${value}"`);
  }
  return value;
}

function httpUrl(name: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new ConfigError(`${name} must be an http or https URL, not "${value}"`);
  }
  return url;
}

function drainSeconds(value: string): number {
  const seconds = Number(value);
  if (!(seconds >= 0 && seconds <= MAX_DRAIN_SECONDS)) {
    throw new ConfigError(
      `SHOP_DRAIN_SECONDS must be a number from 0 to ${MAX_DRAIN_SECONDS}, not "${value}"`,
    );
  }
  return seconds;
}

function builtPage(folder: string): string {
  const root = path.resolve(folder);
  if (!existsSync(path.join(root, 'index.html'))) {
    throw new ConfigError(
      `WEB_ROOT: no index.html in ${root}; build the page first (npm run build)`,
    );
  }
  return root;
}
