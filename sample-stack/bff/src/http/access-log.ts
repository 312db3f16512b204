import type { FastifyReply, FastifyRequest } from 'fastify';
import { isTraced } from '../telemetry/traced-paths';

/** Hook that logs one line for each answer of the API. */
export async function logAnswer(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (!isTraced(request.url)) return;
  request.log.info(
    {
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      ms: Number(reply.elapsedTime.toFixed(3)),
    },
    'answered',
  );
}
