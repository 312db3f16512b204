import { setTimeout as sleep } from 'node:timers/promises';
import { buildApp } from './app';
import { OrdersBackend } from './backend/orders-backend';
import { readConfig } from './config';
import { log } from './log';
import { stopTelemetry } from './telemetry/sdk';

/** Long enough for a load balancer to see that readiness is off. */
const DRAIN_DELAY_MS = 200;
const SHUTDOWN_DEADLINE_MS = 10_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const backend = new OrdersBackend(config.ordersAddress);
  let draining = false;
  const app = await buildApp({ config, backend, log, isDraining: () => draining });

  async function shutDown(signal: NodeJS.Signals): Promise<void> {
    if (draining) return;
    draining = true;
    log.info({ signal }, 'shutting down');
    setTimeout(() => {
      log.fatal(`not shut down after ${SHUTDOWN_DEADLINE_MS} ms`);
      process.exit(1);
    }, SHUTDOWN_DEADLINE_MS).unref();
    await sleep(DRAIN_DELAY_MS);
    await app.close();
    backend.close();
    await stopTelemetry();
    process.exit(0);
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, shutDown);
  await app.listen({ host: config.host, port: config.port });
}

main().catch((error: unknown) => {
  log.fatal({ err: error }, 'the BFF cannot run');
  process.exit(1);
});
