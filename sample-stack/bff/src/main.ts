import { setTimeout as sleep, setImmediate as tick } from 'node:timers/promises';
import { stopTelemetry } from '@hopwatch/shop-shared/telemetry';
import { buildApp } from './app';
import { GrpcTransport } from './backend/grpc-transport';
import { OrdersBackend } from './backend/orders-backend';
import { Readiness } from './backend/readiness';
import { RestTransport } from './backend/rest-transport';
import { readConfig } from './config';
import { StackLabFile } from './labs/stack-lab';
import { listen } from './listen';
import { log } from './log';

/** For what is under way when no new requests are taken any more. */
const FINISH_DEADLINE_MS = 10_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const backend = new OrdersBackend(
    config.ordersProtocol === 'rest'
      ? new RestTransport(config.ordersRestAddress)
      : new GrpcTransport(config.ordersAddress),
  );
  const readiness = new Readiness(backend);
  const stackLab =
    config.labs && config.labsFile !== null ? new StackLabFile(config.labsFile, log) : null;
  let draining = false;
  const app = await buildApp({
    config,
    backend,
    readiness,
    stackLab,
    log,
    isDraining: () => draining,
  });

  async function shutDown(signal: NodeJS.Signals): Promise<void> {
    if (draining) return;
    draining = true;
    log.info({ signal }, 'shutting down');
    setTimeout(() => {
      log.fatal(`not shut down ${FINISH_DEADLINE_MS} ms after the drain`);
      process.exit(1);
    }, config.drainMs + FINISH_DEADLINE_MS).unref();
    await sleep(config.drainMs);
    // Right after the event loop accepted what was waiting: closing resets connections that are not
    // accepted yet.
    await tick();
    await app.close();
    backend.close();
    await stopTelemetry(log);
    process.exit(0);
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, shutDown);
  await stackLab?.watch();
  await listen(app, config);
}

main().catch((error: unknown) => {
  log.fatal({ err: error }, 'the BFF cannot run');
  process.exit(1);
});
