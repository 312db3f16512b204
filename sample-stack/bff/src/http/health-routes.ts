import type { FastifyInstance } from 'fastify';
import type { Readiness } from '../backend/readiness';

/** Liveness and readiness; `isDraining` turns readiness off before a shutdown. */
export function registerHealth(
  app: FastifyInstance,
  readiness: Readiness,
  isDraining: () => boolean,
): void {
  app.get('/healthz', () => ({ status: 'ok' }));

  app.get('/readyz', async (_request, reply) => {
    const reason = isDraining() ? 'shutting down' : await readiness.whyNot();
    if (reason === null) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready', reason });
  });
}
