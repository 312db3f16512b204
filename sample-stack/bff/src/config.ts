import { existsSync } from 'node:fs';
import path from 'node:path';

/** What the environment says; the README has the table. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly ordersAddress: string;
  readonly webRoot: string;
  readonly otlpEndpoint: URL;
  readonly version: string;
  readonly labs: boolean;
}

/** The environment cannot be used; the message says which variable and what it should hold. */
export class ConfigError extends Error {}

const BUILT_PAGE = path.resolve(__dirname, '../../web/dist/browser');

export function readConfig(env: NodeJS.ProcessEnv): Config {
  const { host, port } = listenAddress(env['BFF_LISTEN'] || '127.0.0.1:8080');
  return {
    host,
    port,
    ordersAddress: env['ORDERS_ADDRESS'] || '127.0.0.1:50051',
    webRoot: builtPage(env['WEB_ROOT'] || BUILT_PAGE),
    otlpEndpoint: httpUrl(env['OTEL_EXPORTER_OTLP_ENDPOINT'] || 'http://127.0.0.1:4318'),
    version: env['SHOP_VERSION'] || 'dev',
    labs: env['HOPWATCH_LABS'] === '1',
  };
}

function listenAddress(value: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new ConfigError(`BFF_LISTEN must be host:port, such as 127.0.0.1:8080, not "${value}"`);
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

function httpUrl(value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new ConfigError(
      `OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL, not "${value}"`,
    );
  }
  return url;
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
