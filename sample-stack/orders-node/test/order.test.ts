import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status as Code } from '@grpc/grpc-js';
import type { PlaceOrderRequest } from '../src/gen/hopwatch/shop/v1/shop';
import { orderRequest, parseUuid } from '../src/orders/order';

const KEY = '6f2b8c1e-2f7e-4a3b-9d53-0a1b2c3d4e5f';

function request(changes: Partial<PlaceOrderRequest>): PlaceOrderRequest {
  return {
    idempotencyKey: KEY,
    lines: lines(1),
    customerEmail: 'ann@example.com',
    expectedTotal: { currency: 'EUR', minorUnits: 1n },
    ...changes,
  };
}

function lines(count: number, quantity = 1): PlaceOrderRequest['lines'] {
  return Array.from({ length: count }, (_, number) => ({
    productId: `p${number}`,
    quantity,
    unitPrice: undefined,
    productName: '',
  }));
}

test('what breaks no rule is taken', () => {
  for (const good of [{}, { lines: lines(50) }, { lines: lines(1, 99) }]) {
    assert.equal(orderRequest(request(good)).idempotencyKey, KEY);
  }
  assert.equal(orderRequest(request({ idempotencyKey: KEY.toUpperCase() })).idempotencyKey, KEY);
});

test('what breaks a rule is refused, and the message says which', () => {
  const wrong: Record<string, Partial<PlaceOrderRequest>> = {
    '^0 lines given; an order has 1 to 50$': { lines: [] },
    '^51 lines given': { lines: lines(51) },
    '^line 1: quantity is 100; it must be 1 to 99$': { lines: lines(1, 100) },
    '^line 1: quantity is 0': { lines: lines(1, 0) },
    '^line 3: product p0 is there already': { lines: [...lines(2), ...lines(1)] },
    '^product id "P 1" must be': { lines: [{ ...lines(1), productId: 'P 1' }] as never },
    '^expected_total must be': { expectedTotal: undefined },
    '^expected_total must be a positive': { expectedTotal: { currency: 'EUR', minorUnits: 0n } },
    '^expected_total must be a positive amount': {
      expectedTotal: { currency: '€', minorUnits: -1n },
    },
    '^idempotency_key "" is not a UUID$': { idempotencyKey: '' },
    '^idempotency_key ".{32}" is not': { idempotencyKey: KEY.replaceAll('-', '') },
  };
  for (const [message, changes] of Object.entries(wrong)) {
    assert.throws(() => orderRequest(request(changes)), {
      code: Code.INVALID_ARGUMENT,
      message: new RegExp(message),
    });
  }
});

test('a quoted text cannot hide what it is', () => {
  for (const idempotencyKey of ['\u202Ep', 'a\u00A0b', 'a\nb', '\u{E0001}', '\u0085']) {
    assert.throws(() => orderRequest(request({ idempotencyKey })), {
      message: /^idempotency_key "[ -~]*" is not a UUID$/,
    });
  }
});

test('a quoted text is cut between characters, never within one', () => {
  const idempotencyKey = '🛒'.repeat(100);
  assert.throws(
    () => orderRequest(request({ idempotencyKey })),
    ({ message }: Error) => {
      assert.match(message, /"(🛒){60}"/u);
      return encodeURI(message) !== ''; // which gRPC does, and which throws on half a character
    },
  );
});

test('e-mail addresses are taken in lower case, as they may be written', () => {
  const good = {
    'Ann.Other+tag@Example.COM': 'ann.other+tag@example.com',
    'a@b': 'a@b',
    'jörg@bücher.example': 'jörg@bücher.example',
    'a@[127.0.0.1]': 'a@[127.0.0.1]',
  };
  for (const [customerEmail, want] of Object.entries(good)) {
    assert.equal(orderRequest(request({ customerEmail })).customerEmail, want);
  }
});

test('what is no e-mail address is refused, and not quoted in what is logged', () => {
  const bad = ['', 'ann', '@b', 'a@', 'Ann <ann@example.com>', 'a@b,c@d', 'a b@c', 'a\0b@c'];
  const worse = ['a@b@c', '.a@b', 'a..b@c', 'a.@b', 'a@b.', '"a"@b', 'a@[here]', ' a@b'];
  for (const customerEmail of [...bad, ...worse, `${'a'.repeat(250)}@b.de`]) {
    assert.throws(
      () => orderRequest(request({ customerEmail })),
      { code: Code.INVALID_ARGUMENT, message: 'customer_email is not an e-mail address' },
      customerEmail,
    );
  }
});

test('a UUID has one spelling', () => {
  assert.equal(parseUuid('order_id', KEY.toUpperCase()), KEY);
  const bare = KEY.replaceAll('-', '');
  const others = ['', KEY.slice(1), `${KEY}0`, `${KEY}\n`, `{${KEY}}`, `urn:uuid:${KEY}`, bare];
  for (const text of [...others, KEY.replace('6', 'g')]) {
    assert.throws(() => parseUuid('order_id', text), { message: /^order_id ".*" is not a UUID$/ });
  }
});
