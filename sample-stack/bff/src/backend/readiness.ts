import type { OrdersBackend } from './orders-backend';

/** A restart of orders takes about a second: no reason to send the customers elsewhere. */
const FORGIVEN_MS = 5000;

/** Whether the services behind are there, or were a moment ago. */
export class Readiness {
  private lastServed = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly backend: Pick<OrdersBackend, 'isServing'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Why no requests should come; null if they should. */
  async whyNot(): Promise<string | null> {
    const reason = await this.whyNotServing();
    if (reason === null) this.lastServed = this.now();
    return this.now() - this.lastServed <= FORGIVEN_MS ? null : reason;
  }

  private async whyNotServing(): Promise<string | null> {
    try {
      return (await this.backend.isServing()) ? null : 'orders: not serving';
    } catch (error) {
      return `orders: ${(error as Error).message}`;
    }
  }
}
