import type { Call } from '../call';
import type { Money } from '../money';
import type { Database } from '../postgres/database';

/** One thing that the shop sells. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly category: string;
  readonly price: Money;
}

const SELECT_PAGE = `-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
WHERE id > $1
ORDER BY id
LIMIT $2`;

const SELECT_CATEGORY_PAGE = `-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
WHERE id > $1 AND category = $3
ORDER BY id
LIMIT $2`;

const SELECT_BY_ID = `-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
WHERE id = ANY ($1)`;

const SELECT_RELATED = `-- SELECT products
SELECT p.id, p.name, p.description, p.category, p.currency, p.price_minor_units
FROM (
    SELECT related_id, sum(weight) AS weight
    FROM related_products
    WHERE product_id = ANY ($1) AND related_id <> ALL ($1)
    GROUP BY related_id
) AS r
JOIN products AS p ON p.id = r.related_id
ORDER BY r.weight DESC, p.sales_rank
LIMIT $2`;

const SELECT_BEST_SELLERS = `-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
ORDER BY sales_rank
LIMIT $1`;

const SELECT_CATEGORIES = `-- SELECT categories
SELECT name
FROM categories
WHERE EXISTS (SELECT FROM products WHERE category = categories.name)
ORDER BY name`;

interface ProductRow {
  id: string;
  name: string;
  description: string;
  category: string;
  currency: string;
  price_minor_units: bigint;
}

/** Knows the products of the shop and what they cost. */
export class Catalog {
  constructor(private readonly database: Database) {}

  /**
   * Up to `limit` products by id, from the one after the id given, of one category or, with an
   * empty one, of all.
   */
  async list(call: Call, category: string, after: string, limit: number): Promise<Product[]> {
    const page =
      category === ''
        ? await this.query(call, SELECT_PAGE, [after, limit])
        : await this.query(call, SELECT_CATEGORY_PAGE, [after, limit, category]);
    for (const id of call.labs.again(page.map((product) => product.id))) {
      await this.query(call, SELECT_BY_ID, [[id]]);
    }
    return page;
  }

  /** Those of the products asked for that exist, by id. */
  async lookup(call: Call, ids: readonly string[]): Promise<Map<string, Product>> {
    const rows = await this.database.selectById<ProductRow>(call, SELECT_BY_ID, ids);
    return new Map(rows.map((row) => [row.id, productOf(row)]));
  }

  /** Up to `limit` products that go with those given; what sells best for none. */
  recommend(call: Call, ids: readonly string[], limit: number): Promise<Product[]> {
    return ids.length === 0
      ? this.query(call, SELECT_BEST_SELLERS, [limit])
      : this.query(call, SELECT_RELATED, [ids, limit]);
  }

  /** The names of the categories that have products, in order. */
  async categories(call: Call): Promise<string[]> {
    const rows = await this.database.select<{ name: string }>(call, SELECT_CATEGORIES, []);
    return rows.map(({ name }) => name);
  }

  private async query(call: Call, sql: string, values: readonly unknown[]): Promise<Product[]> {
    const rows = await this.database.select<ProductRow>(call, sql, values);
    return rows.map(productOf);
  }
}

function productOf(row: ProductRow): Product {
  const { id, name, description, category, currency, price_minor_units: minorUnits } = row;
  return { id, name, description, category, price: { currency, minorUnits } };
}
