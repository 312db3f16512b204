import type { Span } from '@opentelemetry/api';
import { LabKind } from './kind';

/**
 * `hopwatch.lab.n-plus-one=<service>[/<method>]:<k>`: one query an item instead of one for all. No
 * call asks for more than 200 items.
 */
export const N_PLUS_ONE = new LabKind('hopwatch.lab.n-plus-one', '', 200);

/** In a call that is to ask for up to `most` items of each batch one by one. */
export class NPlusOne {
  private extra = 0;

  constructor(
    private readonly span: Span,
    private readonly most: number,
  ) {}

  batches(ids: readonly string[]): readonly (readonly string[])[] {
    const batches = ids.slice(0, this.most).map((id) => [id]);
    const rest = ids.slice(this.most);
    if (rest.length > 0 || batches.length === 0) batches.push(rest);
    this.count(batches.length - 1);
    return batches;
  }

  again(ids: readonly string[]): readonly string[] {
    const singles = ids.slice(0, this.most);
    this.count(singles.length);
    return singles;
  }

  private count(extra: number): void {
    if (extra === 0) return;
    this.extra += extra;
    this.span.setAttributes({
      'hopwatch.lab.name': 'n-plus-one',
      'hopwatch.lab.extra_queries': this.extra,
    });
  }
}
