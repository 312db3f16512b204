// `node dist/healthcheck.js`, in the environment of the service: exits 0 if it is serving, for
// containers without a shell.
import { credentials, makeGenericClientConstructor, type ServiceError } from '@grpc/grpc-js';
import {
  type HealthCheckResponse,
  HealthService,
  ServingStatus,
} from '@hopwatch/shop-shared/health';
import { readConfig } from './config';
import { SERVICE_NAME } from './service-name';

const TIMEOUT_MS = 2000;
const ANY_ADDRESS = new Map([
  ['', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

function answer(error: ServiceError | null, response?: HealthCheckResponse): void {
  if (response?.status === ServingStatus.SERVING) process.exit(0);
  const reason = error ? error.message : `it is ${ServingStatus[response?.status ?? 0]}`;
  process.stderr.write(`${SERVICE_NAME}: health of ${address}: ${reason}\n`);
  process.exit(1);
}

const { listen } = readConfig(process.env);
const host = ANY_ADDRESS.get(listen.host) ?? listen.host;
const address = `${host.includes(':') ? `[${host}]` : host}:${listen.port}`;
const HealthClient = makeGenericClientConstructor(HealthService, 'grpc.health.v1.Health');
const client = new HealthClient(address, credentials.createInsecure());
client['check']?.({ service: '' }, { deadline: Date.now() + TIMEOUT_MS }, answer);
