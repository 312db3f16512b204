import type { FastifyInstance, FastifyListenOptions } from 'fastify';
import type { Config } from './config';

/**
 * Listens; where the system lets several processes share a port, a new instance can begin before
 * this one has ended.
 */
export async function listen(app: FastifyInstance, { host, port }: Config): Promise<void> {
  try {
    // Fastify hands its options on to Node, which knows this one.
    const options: FastifyListenOptions & { reusePort: boolean } = { host, port, reusePort: true };
    await app.listen(options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTSUP') throw error;
    app.log.warn('this system shares no ports: a restart will refuse connections for a moment');
    await app.listen({ host, port });
  }
}
