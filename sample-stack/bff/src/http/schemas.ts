import type { OrderRequest } from '@hopwatch/shop-shared';
import type { FromSchema, JSONSchema } from 'json-schema-to-ts';

const id = { type: 'string', minLength: 1, maxLength: 64 } as const;

export const productsQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    category: { type: 'string', maxLength: 64, default: '' },
    page: { type: 'string', maxLength: 512, default: '' },
  },
} as const satisfies JSONSchema;

export const orderParams = {
  type: 'object',
  required: ['id'],
  properties: { id },
} as const satisfies JSONSchema;

export const orderRequest = {
  type: 'object',
  additionalProperties: false,
  required: ['idempotencyKey', 'email', 'lines', 'expectedTotal'],
  properties: {
    idempotencyKey: { type: 'string', format: 'uuid' },
    email: { type: 'string', format: 'email', maxLength: 254 },
    lines: {
      type: 'array',
      minItems: 1,
      maxItems: 50,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['productId', 'quantity'],
        properties: { productId: id, quantity: { type: 'integer', minimum: 1, maximum: 99 } },
      },
    },
    expectedTotal: {
      type: 'object',
      additionalProperties: false,
      required: ['currency', 'minorUnits'],
      properties: {
        currency: { type: 'string', pattern: '^[A-Z]{3}$' },
        minorUnits: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      },
    },
  },
} as const satisfies JSONSchema;

/** Fails to compile when the schema lets in what the page's contract does not know. */
export type ValidatedOrderRequest =
  FromSchema<typeof orderRequest> extends OrderRequest ? OrderRequest : never;
