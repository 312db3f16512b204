import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Purchase, type Recent, suspicion } from '../src/fraud';
import { formatMoney } from '../src/money';

function judge(purchase: Partial<Purchase>, recent: Partial<Recent>): string | null {
  return suspicion(
    {
      customerEmail: 'ann@example.com',
      total: { currency: 'EUR', minorUnits: 100n },
      largestQuantity: 1,
      ...purchase,
    },
    { orders: 0n, minorUnits: 0n, ...recent },
  );
}

function euros(minorUnits: bigint) {
  return { currency: 'EUR', minorUnits };
}

test('points add up to a verdict, and the rules that gave them are its reasons', () => {
  const cases: [Partial<Purchase>, Partial<Recent>, string | null][] = [
    [{}, {}, null],
    [{}, { orders: 29n }, null],
    [{}, { orders: 30n }, 'many orders within minutes, several orders within minutes'],
    [{ total: euros(1n) }, { minorUnits: 24_999_99n }, null],
    [{ total: euros(1n) }, { minorUnits: 25_000_00n }, 'very high spending within minutes'],
    [{ customerEmail: 'x@mailinator.com' }, {}, null],
    [
      { customerEmail: 'x@mailinator.com', largestQuantity: 51 },
      {},
      'many units of one product, throwaway address',
    ],
    [
      { customerEmail: 'q7zk2mwx9vb4tjhn@yopmail.com' },
      {},
      'throwaway address, address looks random',
    ],
    [
      {
        customerEmail: 'q7zk2mwx9vb4tjhn@example.com',
        total: euros(5_000_01n),
        largestQuantity: 51,
      },
      { orders: 10n },
      'several orders within minutes, high total, many units of one product, address looks random',
    ],
    [{ customerEmail: 'maria.magdalena.x@yopmail.com' }, {}, null],
  ];
  for (const [purchase, recent, want] of cases) assert.equal(judge(purchase, recent), want);
});

test('money is written for people', () => {
  assert.equal(formatMoney(euros(5n)), '0.05 EUR');
  assert.equal(formatMoney(euros(5790n)), '57.90 EUR');
  assert.equal(formatMoney({ currency: 'SEK', minorUnits: 1_000_000n }), '10000.00 SEK');
});
