import { v7 as uuidv7 } from 'uuid';
import type { Call } from './call';
import { refused } from './call-error';
import { formatMoney, type Money } from './money';
import type { Connection } from './postgres/connection';
import type { Database } from './postgres/database';

/** Above it the bank would want to talk to the customer. */
const LIMIT_MINOR_UNITS = 10_000_00n;
/** Payments of name+declined@example.com are declined. */
const DECLINED_TAG = '+declined@';

/** What an order is to cost. */
export interface Charge {
  readonly orderId: string;
  readonly amount: Money;
  readonly customerEmail: string;
}

/** What is recorded of a charge. */
export interface Payment {
  readonly id: string;
  readonly orderId: string;
  readonly amount: Money;
}

const INSERT_PAYMENT = `-- INSERT payments
INSERT INTO payments (id, order_id, amount_minor_units, currency, status)
VALUES ($1, $2, $3, $4, 'authorised')`;

const INSERT_DECLINED = `-- INSERT payments
INSERT INTO payments (id, order_id, amount_minor_units, currency, status)
VALUES ($1, $2, $3, $4, 'declined')
ON CONFLICT (id) DO NOTHING`;

/**
 * Authorises payments. There is no bank behind it: what it declines is decided by the amount and by
 * a test address, as the sandboxes of payment providers do.
 */
export class Payments {
  constructor(private readonly database: Database) {}

  /**
   * The id of a payment to record; throws FAILED_PRECONDITION if it is declined, which it records
   * itself.
   */
  async authorise(call: Call, charge: Charge): Promise<string> {
    const payment = { id: uuidv7(), orderId: charge.orderId, amount: charge.amount };
    const reason = reasonToDecline(charge);
    if (reason === null) return payment.id;
    await this.database.execute(call, INSERT_DECLINED, valuesOf(payment));
    throw refused(`the payment was declined: ${reason}`);
  }

  /**
   * Writes the payment as part of the transaction that writes its order, so that neither is there
   * without the other, whatever happens to this process.
   */
  async record(connection: Connection, payment: Payment): Promise<void> {
    await connection.query(INSERT_PAYMENT, valuesOf(payment));
  }
}

function valuesOf({ id, orderId, amount }: Payment): readonly unknown[] {
  return [id, orderId, amount.minorUnits, amount.currency];
}

function reasonToDecline({ amount, customerEmail }: Charge): string | null {
  if (amount.minorUnits > LIMIT_MINOR_UNITS) {
    const limit = formatMoney({ currency: amount.currency, minorUnits: LIMIT_MINOR_UNITS });
    return `${formatMoney(amount)} is above the limit of ${limit}`;
  }
  if (customerEmail.includes(DECLINED_TAG)) {
    return 'this is a test address that is always declined';
  }
  return null;
}
