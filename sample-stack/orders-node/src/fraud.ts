import type { Money } from './money';

/** The sum of points from which an order is refused. */
const REFUSED_FROM = 100;
/** How far back the orders of a customer count. */
export const FRAUD_WINDOW_MINUTES = 10;

/** An order to be judged. */
export interface Purchase {
  readonly customerEmail: string;
  readonly total: Money;
  /** The most units of one product. */
  readonly largestQuantity: number;
}

/** What a customer ordered within the window. */
export interface Recent {
  readonly orders: bigint;
  readonly minorUnits: bigint;
}

interface Rule {
  readonly reason: string;
  readonly points: number;
  applies(purchase: Purchase, recent: Recent): boolean;
}

const RULES: readonly Rule[] = [
  {
    reason: 'many orders within minutes',
    points: 100,
    applies: (_, recent) => recent.orders >= 30n,
  },
  {
    reason: 'several orders within minutes',
    points: 30,
    applies: (_, recent) => recent.orders >= 10n,
  },
  {
    reason: 'very high spending within minutes',
    points: 100,
    applies: ({ total }, recent) => recent.minorUnits + total.minorUnits > 25_000_00n,
  },
  {
    reason: 'high total',
    points: 30,
    applies: ({ total }) => total.minorUnits > 5_000_00n,
  },
  {
    reason: 'many units of one product',
    points: 30,
    applies: ({ largestQuantity }) => largestQuantity > 50,
  },
  {
    reason: 'throwaway address',
    points: 70,
    applies: ({ customerEmail }) => isThrowaway(customerEmail),
  },
  {
    reason: 'address looks random',
    points: 30,
    applies: ({ customerEmail }) => looksRandom(customerEmail),
  },
];

/**
 * Why the order looks fraudulent: the rules that gave points, if their sum is too high; else null.
 * The same purchase after the same history gets the same verdict.
 */
export function suspicion(purchase: Purchase, recent: Recent): string | null {
  const applied = RULES.filter((rule) => rule.applies(purchase, recent));
  const points = applied.reduce((sum, rule) => sum + rule.points, 0);
  return points < REFUSED_FROM ? null : applied.map((rule) => rule.reason).join(', ');
}

const THROWAWAY_DOMAINS = new Set([
  '10minutemail.com',
  'guerrillamail.com',
  'mailinator.com',
  'sharklasers.com',
  'temp-mail.org',
  'trashmail.com',
  'yopmail.com',
]);

function isThrowaway(email: string): boolean {
  return THROWAWAY_DOMAINS.has(email.slice(email.indexOf('@') + 1));
}

/** Long names that people choose repeat letters; generated ones hardly do. */
function looksRandom(email: string): boolean {
  const name = email.slice(0, email.indexOf('@'));
  return Buffer.byteLength(name) >= 16 && bitsPerCharacter(name) > 3.9;
}

/** The Shannon entropy of the characters of the text. */
function bitsPerCharacter(text: string): number {
  const characters = Array.from(text);
  const counts = new Map<string, number>();
  for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((bits, count) => {
    const share = count / characters.length;
    return bits - share * Math.log2(share);
  }, 0);
}
