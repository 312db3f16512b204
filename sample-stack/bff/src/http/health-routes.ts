import type { FastifyInstance } from 'fastify';
import type { OrdersBackend } from '../backend/orders-backend';

/** Liveness and readiness; `isDraining` turns readiness off before a shutdown. */
export function registerHealth(
  app: FastifyInstance,
  backend: OrdersBackend,
  isDraining: () => boolean,
): void {
  app.get('/healthz', () => ({ status: 'ok' }));

  app.get('/readyz', async (_request, reply) => {
    const reason = isDraining() ? 'shutting down' : await whyNotServing(backend);
    if (reason === null) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready', reason });
  });
}

async function whyNotServing(backend: OrdersBackend): Promise<string | null> {
  try {
    return (await backend.isServing()) ? null : 'orders: not serving';
  } catch (error) {
    return `orders: ${(error as Error).message}`;
  }
}
