import { once } from 'node:events';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as tick } from 'node:timers/promises';
import {
  status as Code,
  Server as GrpcServer,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { HealthService } from '@hopwatch/shop-shared/health';
import type { Logger } from 'pino';
import { CallError } from '../call-error';
import type { ListenAddress } from '../config';
import type { Calls } from './calls';
import { Health } from './health';
import { observeCalls } from './observe';

/** The largest request of the contract is far below it. */
const MAX_REQUEST_BYTES = 256 * 1024;
/** Calls that still run after the drain get this long to end. */
const FINISH_MS = 10_000;

/** The gRPC server with its health service. Add services, then listen. */
export class Server {
  private readonly health = new Health();
  private readonly grpc = new GrpcServer({
    interceptors: [observeCalls()],
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.enable_channelz': 0,
  });
  private readonly listener: NetServer;
  private readonly connections = new Set<Socket>();

  constructor(
    private readonly calls: Calls,
    private readonly log: Logger,
  ) {
    // grpc-js cannot share a port itself, but takes connections that others accepted.
    const { injectConnection } = this.grpc.createConnectionInjector(
      ServerCredentials.createInsecure(),
    );
    this.listener = createServer({ noDelay: true }, (connection) => {
      this.connections.add(connection);
      connection.on('close', () => this.connections.delete(connection));
      injectConnection(connection);
    });
    this.grpc.addService(HealthService, { check: this.health.check });
  }

  add(service: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    this.grpc.addService(service, implementation);
    this.health.add(service);
  }

  /**
   * Listens; where the system lets several processes share a port, a new instance can begin before
   * this one has ended. Returns the port.
   */
  async listen({ host, port }: ListenAddress): Promise<number> {
    try {
      await this.tryToListen({ host, port, reusePort: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTSUP') throw error;
      this.log.warn('this system shares no ports: a restart will refuse connections for a moment');
      await this.tryToListen({ host, port, reusePort: false });
    }
    const address = this.listener.address();
    return typeof address === 'object' && address ? address.port : port;
  }

  /**
   * Stops in order: health says NOT_SERVING; for the time of the drain all calls are answered
   * still; then new ones are refused, running ones end.
   */
  async stop(drainMs: number): Promise<void> {
    this.log.info({ seconds: drainMs / 1000 }, 'draining');
    this.health.drain();
    await sleep(drainMs);
    // Right after the event loop accepted what was waiting: closing resets connections that are not
    // accepted yet.
    await tick();
    const ended = once(this.listener, 'close');
    this.listener.close();
    const late = setTimeout(() => {
      const calls = this.calls.abort(new CallError(Code.UNAVAILABLE, 'the server is stopping'));
      this.log.warn({ calls, timeout_ms: FINISH_MS }, 'calls cut off: they did not end in time');
      for (const connection of this.connections) connection.destroy();
    }, FINISH_MS);
    this.grpc.tryShutdown(() => {
      // Called at once: of connections that it did not accept itself, grpc-js does not see the end.
    });
    await ended;
    clearTimeout(late);
  }

  private async tryToListen(options: {
    host: string;
    port: number;
    reusePort: boolean;
  }): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.listener.once('error', reject);
    this.listener.listen(options, () => {
      this.listener.off('error', reject);
      resolve();
    });
    await promise;
  }
}
