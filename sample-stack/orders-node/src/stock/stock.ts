import type { Call } from '../call';
import { refused } from '../call-error';
import type { Connection } from '../postgres/connection';
import type { Database } from '../postgres/database';

const SELECT_LEVELS = `-- SELECT stock_levels
SELECT product_id, units
FROM stock_levels
WHERE product_id = ANY ($1)`;

// Rows are locked in the order of their ids, or else two orders of the same products could wait for
// each other.
const RESERVE_UNITS = `-- UPDATE stock_levels
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::integer[]) AS w (product_id, quantity)
),
locked AS MATERIALIZED (
    SELECT product_id FROM stock_levels
    WHERE product_id = ANY ($1)
    ORDER BY product_id
    FOR UPDATE
)
UPDATE stock_levels AS s
SET units = s.units - w.quantity
FROM locked
JOIN wanted AS w USING (product_id)
WHERE s.product_id = w.product_id AND s.units >= w.quantity
RETURNING s.product_id`;

/** A quantity of one product. */
export interface Wanted {
  readonly productId: string;
  readonly quantity: number;
}

/** Knows how many units of each product are at hand. */
export class Stock {
  constructor(private readonly database: Database) {}

  /** The units at hand of those of the products asked for that exist, by id. */
  async levels(call: Call, ids: readonly string[]): Promise<Map<string, number>> {
    type Row = { product_id: string; units: number };
    const rows = await this.database.selectById<Row>(call, SELECT_LEVELS, ids);
    return new Map(rows.map((row) => [row.product_id, row.units]));
  }

  /**
   * Takes the quantities from the stock as part of the connection's transaction. If there is too
   * little of one it throws FAILED_PRECONDITION, and the transaction must be rolled back.
   */
  async reserve(connection: Connection, wanted: readonly Wanted[]): Promise<void> {
    const inOrder = wanted.toSorted((a, b) => (a.productId < b.productId ? -1 : 1));
    const rows = await connection.query<{ product_id: string }>(RESERVE_UNITS, [
      inOrder.map(({ productId }) => productId),
      inOrder.map(({ quantity }) => quantity),
    ]);
    const reserved = new Set(rows.map((row) => row.product_id));
    for (const { productId } of inOrder) {
      if (!reserved.has(productId)) throw refused(`product ${productId} has just sold out`);
    }
  }
}
