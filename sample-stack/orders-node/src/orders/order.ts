import { isIP } from 'node:net';
import { invalid, quoted } from '../call-error';
import type { Timestamp } from '../gen/google/protobuf/timestamp';
import type { PlaceOrderRequest } from '../gen/hopwatch/shop/v1/shop';
import type { Money } from '../money';
import { checkProductId } from '../product-id';

const MAX_LINES = 50;
const MAX_QUANTITY = 99;
const MAX_EMAIL_BYTES = 254; // RFC 5321, 4.5.3.1.3

/** A quantity of one product. */
export interface RequestedLine {
  readonly productId: string;
  readonly quantity: number;
}

/** A line of an order: the name and the price are those of the moment of ordering. */
export interface Line extends RequestedLine {
  readonly productName: string;
  readonly unitPrice: Money;
}

/** What a customer bought. An order that exists is paid and its stock is reserved. */
export interface Order {
  readonly id: string;
  readonly idempotencyKey: string;
  readonly paymentId: string;
  readonly customerEmail: string;
  readonly lines: readonly Line[];
  readonly total: Money;
  readonly placedAt: Timestamp;
}

/** Asks for an order, and breaks no rule of the contract. */
export interface OrderRequest {
  readonly idempotencyKey: string;
  readonly customerEmail: string;
  readonly lines: readonly RequestedLine[];
  readonly expectedTotal: Money;
}

/** Reads the wire form; throws INVALID_ARGUMENT with the first rule that it breaks. */
export function orderRequest(wire: PlaceOrderRequest): OrderRequest {
  const key = parseUuid('idempotency_key', wire.idempotencyKey);
  const customerEmail = parseEmail(wire.customerEmail);
  checkLines(wire.lines);
  const { expectedTotal } = wire;
  if (!expectedTotal || expectedTotal.minorUnits < 1n || bytesOf(expectedTotal.currency) !== 3) {
    throw invalid(
      'expected_total must be a positive amount of a currency, as shown to the customer',
    );
  }
  return { idempotencyKey: key, customerEmail, lines: wire.lines, expectedTotal };
}

function checkLines(lines: readonly RequestedLine[]): void {
  if (lines.length === 0 || lines.length > MAX_LINES) {
    throw invalid(`${lines.length} lines given; an order has 1 to ${MAX_LINES}`);
  }
  const seen = new Set<string>();
  for (const [index, { productId, quantity }] of lines.entries()) {
    checkProductId(productId);
    if (seen.has(productId)) {
      throw invalid(
        `line ${index + 1}: product ${productId} is there already; add up the quantities`,
      );
    }
    seen.add(productId);
    if (quantity < 1 || quantity > MAX_QUANTITY) {
      throw invalid(`line ${index + 1}: quantity is ${quantity}; it must be 1 to ${MAX_QUANTITY}`);
    }
  }
}

/** Whether the order is what the request asks for. */
export function answers(order: Order, request: OrderRequest): boolean {
  const quantities = new Map(order.lines.map((line) => [line.productId, line.quantity]));
  return (
    order.customerEmail === request.customerEmail &&
    order.total.currency === request.expectedTotal.currency &&
    order.total.minorUnits === request.expectedTotal.minorUnits &&
    quantities.size === request.lines.length &&
    request.lines.every((line) => quantities.get(line.productId) === line.quantity)
  );
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The text of the field of that name, in lower case. */
export function parseUuid(field: string, text: string): string {
  if (!UUID.test(text)) throw invalid(`${field} ${quoted(text)} is not a UUID`);
  return text.toLowerCase();
}

// RFC 5322, 3.4.1, with the other scripts of RFC 6532: no quotes, no comments, no spaces.
const ATOM = "[\\w!#$%&'*+/=?^`{|}~\\u{80}-\\u{10ffff}-]+";
const DOTTED = `${ATOM}(?:\\.${ATOM})*`;
const ADDRESS = new RegExp(`^${DOTTED}@(?:${DOTTED}|\\[(?<ip>[^\\]%]*)\\])$`, 'u');

/** The address in lower case: one customer, however they spell it. */
function parseEmail(text: string): string {
  const match = bytesOf(text) <= MAX_EMAIL_BYTES ? ADDRESS.exec(text) : null;
  const ip = match?.groups?.['ip'];
  if (!match || (ip !== undefined && isIP(ip) === 0)) {
    // Not quoted: messages are logged, and logs hold no personal data.
    throw invalid('customer_email is not an e-mail address');
  }
  return text.toLowerCase();
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}
