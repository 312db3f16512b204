package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"hopwatch.dev/shop/orders/internal/fraud"
	"hopwatch.dev/shop/orders/internal/payments"
	"hopwatch.dev/shop/orders/internal/postgres"
)

// errNoOrder says that there is no such order.
var errNoOrder = errors.New("no such order")

// Store keeps orders in the database.
type Store struct{ database *postgres.Database }

// NewStore returns the orders in the database.
func NewStore(database *postgres.Database) *Store { return &Store{database} }

const (
	selectByID = `-- SELECT orders
SELECT
    o.id, o.idempotency_key, o.payment_id, o.customer_email, o.currency, o.total_minor_units, o.placed_at,
    l.product_id, l.product_name, l.unit_price_minor_units, l.quantity
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
WHERE o.id = $1
ORDER BY l.position`

	selectByKey = `-- SELECT orders
SELECT
    o.id, o.idempotency_key, o.payment_id, o.customer_email, o.currency, o.total_minor_units, o.placed_at,
    l.product_id, l.product_name, l.unit_price_minor_units, l.quantity
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
WHERE o.idempotency_key = $1
ORDER BY l.position`

	selectRecent = `-- SELECT orders
SELECT count(*), coalesce(sum(total_minor_units), 0)::bigint
FROM orders
WHERE customer_email = $1 AND placed_at > now() - $2::interval`

	insertOrder = `-- INSERT orders
INSERT INTO orders (id, idempotency_key, payment_id, customer_email, total_minor_units, currency, status)
VALUES ($1, $2, $3, $4, $5, $6, 'placed')
RETURNING placed_at`

	insertLines = `-- INSERT order_lines
INSERT INTO order_lines (order_id, position, product_id, product_name, unit_price_minor_units, quantity)
SELECT $1, position, product_id, product_name, unit_price, quantity
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::integer[])
    WITH ORDINALITY AS l (product_id, product_name, unit_price, quantity, position)`
)

// ByID finds an order, or returns errNoOrder.
func (s *Store) ByID(ctx context.Context, id uuid.UUID) (Order, error) {
	return s.find(ctx, selectByID, id)
}

// ByIdempotencyKey finds the order that was placed with key, or returns errNoOrder.
func (s *Store) ByIdempotencyKey(ctx context.Context, key uuid.UUID) (Order, error) {
	return s.find(ctx, selectByKey, key)
}

func (s *Store) find(ctx context.Context, sql string, id uuid.UUID) (Order, error) {
	parts, err := postgres.Select(ctx, s.database, scanOrderOfOneLine, sql, id)
	if err != nil {
		return Order{}, fmt.Errorf("order: %w", err)
	}
	if len(parts) == 0 {
		return Order{}, errNoOrder
	}
	order := parts[0]
	for _, part := range parts[1:] {
		order.Lines = append(order.Lines, part.Lines...)
	}
	return order, nil
}

func scanOrderOfOneLine(row pgx.CollectableRow) (Order, error) {
	var (
		order Order
		line  Line
	)
	err := row.Scan(
		&order.ID, &order.IdempotencyKey, &order.PaymentID, &order.CustomerEmail,
		&order.Total.Currency, &order.Total.MinorUnits, &order.PlacedAt,
		&line.ProductID, &line.ProductName, &line.UnitPrice.MinorUnits, &line.Quantity,
	)
	line.UnitPrice.Currency = order.Total.Currency
	order.Lines = []Line{line}
	return order, err
}

// RecentOrders sums up what a customer ordered within the window.
func (s *Store) RecentOrders(ctx context.Context, customerEmail string, window time.Duration) (fraud.Recent, error) {
	sums, err := postgres.Select(ctx, s.database, pgx.RowToStructByPos[fraud.Recent], selectRecent, customerEmail, window)
	if err != nil {
		return fraud.Recent{}, fmt.Errorf("recent orders: %w", err)
	}
	return sums[0], nil
}

// Insert writes the order and its payment and takes its units from the stock, in one transaction,
// and returns when that was. The order goes first: its unique key makes a second attempt at the
// same order wait before it holds any stock, and fail once the first has succeeded.
func (s *Store) Insert(
	ctx context.Context, order Order, pay Payments, stock Stock,
) (placedAt time.Time, err error) {
	payment := payments.Payment{ID: order.PaymentID, OrderID: order.ID, Amount: order.Total}
	quantities := make(map[string]int32, len(order.Lines))
	for _, line := range order.Lines {
		quantities[line.ProductID] = line.Quantity
	}
	err = s.database.Transact(ctx, func(ctx context.Context, transaction pgx.Tx) error {
		row := transaction.QueryRow(ctx, insertOrder, order.ID, order.IdempotencyKey, order.PaymentID,
			order.CustomerEmail, order.Total.MinorUnits, order.Total.Currency)
		if err := row.Scan(&placedAt); err != nil {
			return fmt.Errorf("insert order: %w", err)
		}
		if err := pay.Record(ctx, transaction, payment); err != nil {
			return err
		}
		if err := stock.Reserve(ctx, transaction, quantities); err != nil {
			return err
		}
		return insertOrderLines(ctx, transaction, order)
	})
	return placedAt, err
}

func insertOrderLines(ctx context.Context, transaction pgx.Tx, order Order) error {
	count := len(order.Lines)
	ids, names := make([]string, count), make([]string, count)
	prices, quantities := make([]int64, count), make([]int32, count)
	for i, line := range order.Lines {
		ids[i], names[i] = line.ProductID, line.ProductName
		prices[i], quantities[i] = line.UnitPrice.MinorUnits, line.Quantity
	}
	if _, err := transaction.Exec(ctx, insertLines, order.ID, ids, names, prices, quantities); err != nil {
		return fmt.Errorf("insert order lines: %w", err)
	}
	return nil
}
