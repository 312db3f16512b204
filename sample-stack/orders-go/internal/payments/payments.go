// Package payments authorises payments. There is no bank behind it: what it declines is decided by
// the amount and by a test address, as the sandboxes of payment providers do.
package payments

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/money"
)

const (
	// Above it the bank would want to talk to the customer.
	limitMinorUnits = 10_000_00
	// Payments of name+declined@example.com are declined.
	declinedTag = "+declined@"
)

// Charge is what an order is to cost.
type Charge struct {
	OrderID       uuid.UUID
	Amount        money.Money
	CustomerEmail string
}

// Payments keeps its records in the database.
type Payments struct{ pool *pgxpool.Pool }

// New returns the payments in the database behind pool.
func New(pool *pgxpool.Pool) *Payments { return &Payments{pool} }

const (
	insertPayment = `-- INSERT payments
INSERT INTO payments (id, order_id, amount_minor_units, currency, status)
VALUES ($1, $2, $3, $4, $5)`

	voidPayment = `-- UPDATE payments
UPDATE payments
SET status = 'voided'
WHERE id = $1 AND status = 'authorised'`
)

// Authorise reserves the amount and returns the payment's id, or FAILED_PRECONDITION if it is
// declined. Both are recorded.
func (p *Payments) Authorise(ctx context.Context, charge Charge) (uuid.UUID, error) {
	id := uuid.New()
	reason := reasonToDecline(charge)
	outcome := "authorised"
	if reason != "" {
		outcome = "declined"
	}
	_, err := p.pool.Exec(ctx, insertPayment, id, charge.OrderID, charge.Amount.MinorUnits, charge.Amount.Currency, outcome)
	if err != nil {
		return uuid.Nil, fmt.Errorf("record payment: %w", err)
	}
	if reason != "" {
		return uuid.Nil, status.Errorf(codes.FailedPrecondition, "the payment was declined: %s", reason)
	}
	return id, nil
}

// Void gives back what was authorised for an order that did not come about.
func (p *Payments) Void(ctx context.Context, id uuid.UUID) error {
	if _, err := p.pool.Exec(ctx, voidPayment, id); err != nil {
		return fmt.Errorf("void payment %s: %w", id, err)
	}
	return nil
}

func reasonToDecline(charge Charge) string {
	switch {
	case charge.Amount.MinorUnits > limitMinorUnits:
		limit := money.Money{Currency: charge.Amount.Currency, MinorUnits: limitMinorUnits}
		return fmt.Sprintf("%s is above the limit of %s", charge.Amount, limit)
	case strings.Contains(charge.CustomerEmail, declinedTag):
		return "this is a test address that is always declined"
	default:
		return ""
	}
}
