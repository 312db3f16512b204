import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { OrdersBackend } from './backend/orders-backend';
import type { Readiness } from './backend/readiness';
import type { Config } from './config';
import { logAnswer } from './http/access-log';
import { registerApi } from './http/api-routes';
import { addSecurityHeaders } from './http/headers';
import { registerHealth } from './http/health-routes';
import { registerPage } from './http/page-routes';
import { sendProblem } from './http/problems';
import { registerTelemetry } from './http/telemetry-routes';
import { obeyLabs } from './labs/obey';
import type { StackLabFile } from './labs/stack-lab';
import { fastifyInstrumentation } from './telemetry/instrumentations';

const MAX_BODY_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5000;

export interface Parts {
  readonly config: Config;
  readonly backend: OrdersBackend;
  readonly readiness: Readiness;
  /** Null while labs are off. */
  readonly stackLab: StackLabFile | null;
  readonly log: FastifyBaseLogger;
  /** Whether readiness is off because a shutdown began. */
  readonly isDraining: () => boolean;
}

/** The BFF's HTTP side, not yet listening. */
export async function buildApp({
  config,
  backend,
  readiness,
  stackLab,
  log,
  isDraining,
}: Parts): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: log,
    // The access log has its own line.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // While closing, requests that are on the way are still answered.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // Requests that reach no route, such as a broken percent-encoding.
    frameworkErrors: sendProblem,
    // Input is what the schemas say, or it is refused: never bent into shape.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });
  app.setErrorHandler(sendProblem);
  // Before the plugin, which hands the context of now to the handlers.
  if (stackLab) app.addHook('onRequest', stackLab.ask);
  await app.register(fastifyInstrumentation.plugin());
  app.addHook('onRequest', addSecurityHeaders);
  app.addHook('onSend', async (_request, reply) => {
    // Or a connection that was busy when the shutdown began would keep it waiting.
    if (isDraining()) reply.header('connection', 'close');
  });
  app.addHook('onResponse', logAnswer);
  registerHealth(app, readiness, isDraining);
  registerTelemetry(app, config.otlpEndpoint);
  await app.register(async (api) => {
    if (config.labs) api.addHook('preHandler', obeyLabs);
    registerApi(api, backend);
  });
  registerPage(app, config);
  return app;
}
