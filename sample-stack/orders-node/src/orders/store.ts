import type { Call } from '../call';
import { FRAUD_WINDOW_MINUTES, type Recent } from '../fraud';
import type { Timestamp } from '../gen/google/protobuf/timestamp';
import type { Payments } from '../payments';
import type { Connection } from '../postgres/connection';
import type { Database } from '../postgres/database';
import type { Stock } from '../stock/stock';
import type { Line, Order } from './order';

const COLUMNS = `
    o.id, o.idempotency_key, o.payment_id, o.customer_email, o.currency, o.total_minor_units, o.placed_at,
    l.product_id, l.product_name, l.unit_price_minor_units, l.quantity`;

const SELECT_BY_ID = `-- SELECT orders
SELECT${COLUMNS}
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
WHERE o.id = $1
ORDER BY l.position`;

const SELECT_BY_KEY = `-- SELECT orders
SELECT${COLUMNS}
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
WHERE o.idempotency_key = $1
ORDER BY l.position`;

const SELECT_RECENT = `-- SELECT orders
SELECT count(*) AS orders, coalesce(sum(total_minor_units), 0)::bigint AS minor_units
FROM orders
WHERE customer_email = $1 AND placed_at > now() - $2::interval`;

const INSERT_ORDER = `-- INSERT orders
INSERT INTO orders (id, idempotency_key, payment_id, customer_email, total_minor_units, currency, status)
VALUES ($1, $2, $3, $4, $5, $6, 'placed')
RETURNING placed_at`;

const INSERT_LINES = `-- INSERT order_lines
INSERT INTO order_lines (order_id, position, product_id, product_name, unit_price_minor_units, quantity)
SELECT $1, position, product_id, product_name, unit_price, quantity
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::integer[])
    WITH ORDINALITY AS l (product_id, product_name, unit_price, quantity, position)`;

/** An order with one of its lines. */
interface OrderRow {
  id: string;
  idempotency_key: string;
  payment_id: string;
  customer_email: string;
  currency: string;
  total_minor_units: bigint;
  placed_at: Timestamp;
  product_id: string;
  product_name: string;
  unit_price_minor_units: bigint;
  quantity: number;
}

/** Keeps orders in the database. */
export class OrderStore {
  constructor(private readonly database: Database) {}

  /** Finds an order; null if there is none. */
  byId(call: Call, id: string): Promise<Order | null> {
    return this.find(call, SELECT_BY_ID, id);
  }

  /** Finds the order that was placed with the key; null if there is none. */
  byIdempotencyKey(call: Call, key: string): Promise<Order | null> {
    return this.find(call, SELECT_BY_KEY, key);
  }

  /** Sums up what a customer ordered lately. */
  async recentOrders(call: Call, customerEmail: string): Promise<Recent> {
    type Row = { orders: bigint; minor_units: bigint };
    const values = [customerEmail, `${FRAUD_WINDOW_MINUTES} minutes`];
    const [row] = await this.database.select<Row>(call, SELECT_RECENT, values);
    return { orders: row?.orders ?? 0n, minorUnits: row?.minor_units ?? 0n };
  }

  /**
   * Writes the order and its payment and takes its units from the stock, in one transaction, and
   * returns when that was. The order goes first: its unique key makes a second attempt at the same
   * order wait before it holds any stock, and fail once the first has succeeded.
   */
  insert(
    call: Call,
    order: Omit<Order, 'placedAt'>,
    payments: Payments,
    stock: Stock,
  ): Promise<Timestamp> {
    return this.database.transact(call, async (connection) => {
      const [row] = await connection.query<{ placed_at: Timestamp }>(INSERT_ORDER, [
        order.id,
        order.idempotencyKey,
        order.paymentId,
        order.customerEmail,
        order.total.minorUnits,
        order.total.currency,
      ]);
      if (!row) throw new Error('an order was written and nothing returned');
      const payment = { id: order.paymentId, orderId: order.id, amount: order.total };
      await payments.record(connection, payment);
      await stock.reserve(connection, order.lines);
      await insertLines(connection, order.id, order.lines);
      return row.placed_at;
    });
  }

  private async find(call: Call, sql: string, id: string): Promise<Order | null> {
    const rows = await this.database.select<OrderRow>(call, sql, [id]);
    const [first] = rows;
    if (!first) return null;
    return {
      id: first.id,
      idempotencyKey: first.idempotency_key,
      paymentId: first.payment_id,
      customerEmail: first.customer_email,
      lines: rows.map(lineOf),
      total: { currency: first.currency, minorUnits: first.total_minor_units },
      placedAt: first.placed_at,
    };
  }
}

function lineOf(row: OrderRow): Line {
  return {
    productId: row.product_id,
    productName: row.product_name,
    quantity: row.quantity,
    unitPrice: { currency: row.currency, minorUnits: row.unit_price_minor_units },
  };
}

async function insertLines(
  connection: Connection,
  orderId: string,
  lines: readonly Line[],
): Promise<void> {
  await connection.query(INSERT_LINES, [
    orderId,
    lines.map((line) => line.productId),
    lines.map((line) => line.productName),
    lines.map((line) => line.unitPrice.minorUnits),
    lines.map((line) => line.quantity),
  ]);
}
