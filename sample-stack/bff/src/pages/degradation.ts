import type { PagePart } from '@hopwatch/shop-shared';
import type { FastifyBaseLogger } from 'fastify';

/** Collects what a page has to do without: it is poorer then, but still there. */
export class Degradation {
  readonly missing: PagePart[] = [];

  constructor(private readonly log: FastifyBaseLogger) {}

  /** What was wanted, or the substitute if that cannot be had. */
  async orElse<T>(substitute: T, part: PagePart, wanted: Promise<T>): Promise<T> {
    try {
      return await wanted;
    } catch (error) {
      this.log.warn({ err: error, part }, `the page goes without ${part}`);
      this.missing.push(part);
      return substitute;
    }
  }
}
