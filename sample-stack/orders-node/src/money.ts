/** An amount in minor units (cents) of a currency (ISO 4217). */
export interface Money {
  readonly currency: string;
  readonly minorUnits: bigint;
}

/** The amount for people, as in "12.50 EUR". */
export function formatMoney({ currency, minorUnits }: Money): string {
  const cents = String(minorUnits % 100n).padStart(2, '0');
  return `${minorUnits / 100n}.${cents} ${currency}`;
}
