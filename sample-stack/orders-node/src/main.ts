import { stopTelemetry } from '@hopwatch/shop-shared/telemetry';
import { Catalog } from './catalog/catalog';
import { CatalogCalls } from './catalog/service';
import { readConfig } from './config';
import { CatalogService, OrdersService, StockService } from './gen/hopwatch/shop/v1/shop';
import { log } from './log';
import { Orders } from './orders/place';
import { OrdersCalls } from './orders/service';
import { OrderStore } from './orders/store';
import { Payments } from './payments';
import type { Database } from './postgres/database';
import { openDatabase } from './postgres/open';
import { Calls } from './server/calls';
import { Server } from './server/server';
import { SERVICE_NAME } from './service-name';
import { StockCalls } from './stock/service';
import { Stock } from './stock/stock';

const started = performance.now();

async function run(stopping: AbortSignal): Promise<void> {
  const { listen, databaseUrl, version, labs, drainMs } = readConfig(process.env);
  const database = await openDatabase(databaseUrl, log, stopping);
  const calls = new Calls(log, labs);
  const server = new Server(calls, log);
  addServices(server, calls, database);
  const port = await server.listen(listen).catch((error: Error) => {
    throw new Error(`cannot listen (see ORDERS_LISTEN): ${error.message}`);
  });
  log.info(
    {
      address: `${listen.host}:${port}`,
      version,
      labs,
      started_in_ms: Math.round(performance.now() - started),
    },
    'serving',
  );
  await new Promise((stop) => stopping.addEventListener('abort', stop, { once: true }));
  await server.stop(drainMs);
  await database.close();
}

/** Builds the modules and gives each its gRPC service. */
function addServices(server: Server, calls: Calls, database: Database): void {
  const catalog = new Catalog(database);
  const stock = new Stock(database);
  const store = new OrderStore(database);
  const catalogCalls = new CatalogCalls(catalog);
  const stockCalls = new StockCalls(stock);
  const ordersCalls = new OrdersCalls(
    new Orders({ store, catalog, stock, payments: new Payments(database) }),
    store,
  );
  server.add(CatalogService, {
    listProducts: calls.unary((request, call) => catalogCalls.listProducts(request, call)),
    recommend: calls.unary((request, call) => catalogCalls.recommend(request, call)),
    listCategories: calls.unary((request, call) => catalogCalls.listCategories(request, call)),
  });
  server.add(StockService, {
    getStock: calls.unary((request, call) => stockCalls.getStock(request, call)),
  });
  server.add(OrdersService, {
    placeOrder: calls.unary((request, call) => ordersCalls.placeOrder(request, call)),
    getOrder: calls.unary((request, call) => ordersCalls.getOrder(request, call)),
  });
}

function main(): void {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // A second signal ends the process at once.
    process.once(signal, () => {
      process.once(signal, () => process.exit(128));
      stopping.abort(new Error(`stopped by ${signal}`));
    });
  }
  run(stopping.signal)
    .catch((error: Error) => {
      // Told to stop while it waited for the database: that is no failure.
      if (stopping.signal.aborted && error === stopping.signal.reason) return;
      process.stderr.write(`${SERVICE_NAME}: ${error.message}\n`);
      process.exitCode = 1;
    })
    .then(() => stopTelemetry(log))
    .then(() => {
      log.info('stopped');
      process.exit();
    });
}

main();
