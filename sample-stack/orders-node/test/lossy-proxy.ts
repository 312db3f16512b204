import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/**
 * What is lost at the next COMMIT, together with the connection: the command, so that the server
 * never hears of it; or the answer, when the server has committed and the client does not know.
 */
export type Loss = 'commit' | 'answer';

/** Stands between the service and its database server, and can fail. */
export class LossyProxy {
  private readonly open = new Set<Socket>();
  private readonly target: URL;
  private server: Server | null = null;
  private port = 0;
  /** What is to be lost; null once it was. */
  next: Loss | null = null;

  private constructor(database: string) {
    this.target = new URL(database);
  }

  /** Of the database at a URL. */
  static async start(t: TestContext, database: string): Promise<LossyProxy> {
    const proxy = new LossyProxy(database);
    await proxy.up();
    t.after(() => proxy.down());
    return proxy;
  }

  /** Names the database by way of the proxy. */
  get url(): string {
    const url = new URL(this.target);
    url.host = `127.0.0.1:${this.port}`;
    // Or commits could not be seen.
    url.searchParams.set('sslmode', 'disable');
    return url.href;
  }

  /** Takes connections (again). */
  async up(): Promise<void> {
    this.server = createServer((client) => this.join(client));
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  /** Ends all connections and refuses new ones. */
  down(): void {
    this.server?.close();
    for (const socket of this.open) socket.destroy();
  }

  private join(client: Socket): void {
    const server = connect(Number(this.target.port), this.target.hostname);
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.open.add(socket);
      socket.on('error', end).on('close', end);
      socket.on('close', () => this.open.delete(socket));
    }
    let loseAnswer = false;
    client.on('data', (bytes) => {
      const loss = bytes.includes('COMMIT\0') ? this.next : null;
      if (loss) this.next = null;
      if (loss === 'commit') return end();
      loseAnswer ||= loss === 'answer';
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (loseAnswer) end();
      else client.write(bytes);
    });
  }
}
