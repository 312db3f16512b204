// Package payments authorises payments. There is no bank behind it: what it declines is decided by
// the amount and by a test address, as the sandboxes of payment providers do.
//
// It is a module of orders (Payments), or a service of its own (Server) that orders calls (Remote).
package payments

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/money"
	"hopwatch.dev/shop/orders/internal/postgres"
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

// Payment is what is recorded of a charge.
type Payment struct {
	ID      uuid.UUID
	OrderID uuid.UUID
	Amount  money.Money
}

// Payments is the module: it keeps its records in the database of orders.
type Payments struct{ database *postgres.Database }

// New returns the payments in the database.
func New(database *postgres.Database) *Payments { return &Payments{database} }

const (
	insertPayment = `-- INSERT payments
INSERT INTO payments (id, order_id, amount_minor_units, currency, status)
VALUES ($1, $2, $3, $4, 'authorised')`

	insertDeclined = `-- INSERT payments
INSERT INTO payments (id, order_id, amount_minor_units, currency, status)
VALUES ($1, $2, $3, $4, 'declined')
ON CONFLICT (id) DO NOTHING`
)

// Authorise returns the id of a payment to Record or Release, or FAILED_PRECONDITION if it is
// declined, which it records itself.
func (p *Payments) Authorise(ctx context.Context, charge Charge) (uuid.UUID, error) {
	payment := Payment{ID: uuid.Must(uuid.NewV7()), OrderID: charge.OrderID, Amount: charge.Amount}
	reason := reasonToDecline(charge)
	if reason == "" {
		return payment.ID, nil
	}
	if err := p.database.Exec(ctx, insertDeclined, payment.values()...); err != nil {
		return uuid.Nil, fmt.Errorf("record declined payment: %w", err)
	}
	return uuid.Nil, declined(reason)
}

// Record writes the payment as part of the transaction that writes its order, so that neither is
// there without the other, whatever happens to this process.
func (p *Payments) Record(ctx context.Context, transaction pgx.Tx, payment Payment) error {
	if _, err := transaction.Exec(ctx, insertPayment, payment.values()...); err != nil {
		return fmt.Errorf("record payment: %w", err)
	}
	return nil
}

// Release has nothing to give back: what was not recorded is nowhere.
func (p *Payments) Release(context.Context, uuid.UUID) error { return nil }

func (p Payment) values() []any {
	return []any{p.ID, p.OrderID, p.Amount.MinorUnits, p.Amount.Currency}
}

func declined(reason string) error {
	return status.Errorf(codes.FailedPrecondition, "the payment was declined: %s", reason)
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
