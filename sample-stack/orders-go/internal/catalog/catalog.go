// Package catalog knows the products of the shop and what they cost.
package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"hopwatch.dev/shop/orders/internal/labs"
	"hopwatch.dev/shop/orders/internal/money"
	"hopwatch.dev/shop/orders/internal/postgres"
)

// Product is one thing that the shop sells.
type Product struct {
	ID          string
	Name        string
	Description string
	Category    string
	Price       money.Money
}

// Catalog reads products from the database.
type Catalog struct{ database *postgres.Database }

// New returns the catalog in the database.
func New(database *postgres.Database) *Catalog { return &Catalog{database} }

const (
	selectPage = `-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
WHERE id > $1
ORDER BY id
LIMIT $2`

	selectCategoryPage = `-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
WHERE id > $1 AND category = $3
ORDER BY id
LIMIT $2`

	selectByID = `-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
WHERE id = ANY ($1)`

	selectRelated = `-- SELECT products
SELECT p.id, p.name, p.description, p.category, p.currency, p.price_minor_units
FROM (
    SELECT related_id, sum(weight) AS weight
    FROM related_products
    WHERE product_id = ANY ($1) AND related_id <> ALL ($1)
    GROUP BY related_id
) AS r
JOIN products AS p ON p.id = r.related_id
ORDER BY r.weight DESC, p.sales_rank
LIMIT $2`

	selectBestSellers = `-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
ORDER BY sales_rank
LIMIT $1`

	selectCategories = `-- SELECT categories
SELECT name
FROM categories
WHERE EXISTS (SELECT FROM products WHERE category = categories.name)
ORDER BY name`
)

// List returns up to limit products by id, from the one after the id given, of one category or,
// with an empty category, of all.
func (c *Catalog) List(ctx context.Context, category, after string, limit int) (page []Product, err error) {
	if category == "" {
		page, err = c.query(ctx, selectPage, after, limit)
	} else {
		page, err = c.query(ctx, selectCategoryPage, after, limit, category)
	}
	if err != nil {
		return nil, err
	}
	for _, id := range labs.Again(ctx, idsOf(page)) {
		if _, err := c.query(ctx, selectByID, []string{id}); err != nil {
			return nil, err
		}
	}
	return page, nil
}

func idsOf(products []Product) []string {
	ids := make([]string, len(products))
	for i, product := range products {
		ids[i] = product.ID
	}
	return ids
}

// Lookup returns those of the products asked for that exist, by id.
func (c *Catalog) Lookup(ctx context.Context, ids []string) (map[string]Product, error) {
	products, err := postgres.SelectByID(ctx, c.database, scanProduct, selectByID, ids)
	if err != nil {
		return nil, fmt.Errorf("products: %w", err)
	}
	byID := make(map[string]Product, len(products))
	for _, product := range products {
		byID[product.ID] = product
	}
	return byID, nil
}

// Recommend returns up to limit products that go with those given; what sells best for none.
func (c *Catalog) Recommend(ctx context.Context, ids []string, limit int) ([]Product, error) {
	if len(ids) == 0 {
		return c.query(ctx, selectBestSellers, limit)
	}
	return c.query(ctx, selectRelated, ids, limit)
}

// Categories returns the names of the categories that have products, in order.
func (c *Catalog) Categories(ctx context.Context) ([]string, error) {
	names, err := postgres.Select(ctx, c.database, pgx.RowTo[string], selectCategories)
	if err != nil {
		return nil, fmt.Errorf("categories: %w", err)
	}
	return names, nil
}

func (c *Catalog) query(ctx context.Context, sql string, arguments ...any) ([]Product, error) {
	products, err := postgres.Select(ctx, c.database, scanProduct, sql, arguments...)
	if err != nil {
		return nil, fmt.Errorf("products: %w", err)
	}
	return products, nil
}

func scanProduct(row pgx.CollectableRow) (Product, error) {
	var p Product
	err := row.Scan(&p.ID, &p.Name, &p.Description, &p.Category, &p.Price.Currency, &p.Price.MinorUnits)
	return p, err
}
