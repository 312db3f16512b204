// `node dist/healthcheck.js`: exits 0 if the BFF of this machine is ready, for containers without a
// shell.
import { listenAddress } from './config';

const { host, port } = listenAddress(process.env['BFF_LISTEN'] || '127.0.0.1:8080');
const anyAddress = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);
const address = anyAddress.get(host) ?? host;
const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}/readyz`;

fetch(url, { signal: AbortSignal.timeout(2000) }).then(
  (response) => process.exit(response.ok ? 0 : 1),
  () => process.exit(1),
);
