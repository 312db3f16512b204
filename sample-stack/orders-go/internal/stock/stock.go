// Package stock knows how many units of each product are at hand.
package stock

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/postgres"
)

// Stock reads and reserves units in the database.
type Stock struct{ database *postgres.Database }

// New returns the stock in the database.
func New(database *postgres.Database) *Stock { return &Stock{database} }

const (
	selectLevels = `-- SELECT stock_levels
SELECT product_id, units
FROM stock_levels
WHERE product_id = ANY ($1)`

	// Rows are locked in the order of their ids, or else two orders of the same products could
	// wait for each other.
	reserveUnits = `-- UPDATE stock_levels
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::integer[]) AS w (product_id, quantity)
),
locked AS MATERIALIZED (
    SELECT product_id FROM stock_levels
    WHERE product_id = ANY ($1)
    ORDER BY product_id
    FOR UPDATE
)
UPDATE stock_levels AS s
SET units = s.units - w.quantity
FROM locked
JOIN wanted AS w USING (product_id)
WHERE s.product_id = w.product_id AND s.units >= w.quantity
RETURNING s.product_id`
)

// Levels returns the units at hand of those of the products asked for that exist, by id.
func (s *Stock) Levels(ctx context.Context, ids []string) (map[string]int32, error) {
	all, err := postgres.SelectByID(ctx, s.database, pgx.RowToStructByPos[level], selectLevels, ids)
	if err != nil {
		return nil, fmt.Errorf("stock levels: %w", err)
	}
	levels := make(map[string]int32, len(all))
	for _, level := range all {
		levels[level.ProductID] = level.Units
	}
	return levels, nil
}

type level struct {
	ProductID string
	Units     int32
}

// Reserve takes the quantities (by product id) from the stock as part of transaction. If there is
// too little of one it returns FAILED_PRECONDITION, and the transaction must be rolled back.
func (s *Stock) Reserve(ctx context.Context, transaction pgx.Tx, quantities map[string]int32) error {
	ids := slices.Sorted(maps.Keys(quantities))
	wanted := make([]int32, len(ids))
	for i, id := range ids {
		wanted[i] = quantities[id]
	}
	rows, err := transaction.Query(ctx, reserveUnits, ids, wanted)
	if err != nil {
		return fmt.Errorf("reserve stock: %w", err)
	}
	reserved, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("reserve stock: %w", err)
	}
	for _, id := range ids {
		if !slices.Contains(reserved, id) {
			return status.Errorf(codes.FailedPrecondition, "product %s has just sold out", id)
		}
	}
	return nil
}
