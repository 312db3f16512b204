package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/money"
	"hopwatch.dev/shop/orders/internal/postgres"
)

// maxPayments is how many payments one call may be about.
const maxPayments = 1000

// Server answers the gRPC service Payments. It knows nothing of orders but their ids.
type Server struct {
	shopv1.UnimplementedPaymentsServer
	database *postgres.Database
}

// NewServer serves the payments in the database.
func NewServer(database *postgres.Database) *Server { return &Server{database: database} }

const (
	// The second of two rows of one order gives what the first has written, and changes nothing.
	authorise = `-- INSERT payments
INSERT INTO payments AS p (id, order_id, amount_minor_units, currency, status)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (order_id) DO UPDATE SET status = p.status
RETURNING id, amount_minor_units, currency, status = 'declined'`

	settle = `-- UPDATE payments
UPDATE payments
SET status = CASE WHEN id = ANY ($1) THEN 'authorised' ELSE 'voided' END
WHERE status = 'unconfirmed' AND (id = ANY ($1) OR id = ANY ($2))`

	selectUnconfirmed = `-- SELECT payments
SELECT id
FROM payments
WHERE status = 'unconfirmed' AND created_at < now() - $1::interval
ORDER BY created_at
LIMIT $2`
)

// Authorise holds an amount for an order, once.
func (s *Server) Authorise(ctx context.Context, request *shopv1.AuthoriseRequest) (*shopv1.Payment, error) {
	order, err := uuid.Parse(request.GetOrderId())
	if err != nil {
		return nil, invalid("order_id %.60q is not a UUID", request.GetOrderId())
	}
	charge := Charge{OrderID: order, Amount: money.FromProto(request.GetAmount()), CustomerEmail: request.GetCustomerEmail()}
	if charge.Amount.MinorUnits < 1 || len(charge.Amount.Currency) != 3 {
		return nil, invalid("amount must be a positive amount of a currency")
	}
	reason, state := reasonToDecline(charge), "unconfirmed"
	if reason != "" {
		state = "declined"
	}
	payment := Payment{ID: uuid.Must(uuid.NewV7()), OrderID: order, Amount: charge.Amount}
	rows, err := postgres.Returning(ctx, s.database, pgx.RowToStructByPos[held], authorise, append(payment.values(), state)...)
	if err != nil {
		return nil, fmt.Errorf("hold payment: %w", err)
	}
	switch first := rows[0]; {
	case first.MinorUnits != charge.Amount.MinorUnits || first.Currency != charge.Amount.Currency ||
		first.Declined != (reason != ""):
		return nil, status.Errorf(codes.AlreadyExists, "order %s has a payment of another charge", order)
	case first.Declined:
		return nil, declined(reason)
	default:
		return &shopv1.Payment{Id: first.ID.String()}, nil
	}
}

// held is the payment of an order as it was first asked for.
type held struct {
	ID         uuid.UUID
	MinorUnits int64
	Currency   string
	Declined   bool
}

// Settle carries out what orders has decided of payments that are unconfirmed still.
func (s *Server) Settle(ctx context.Context, request *shopv1.SettleRequest) (*shopv1.SettleResponse, error) {
	if count := len(request.GetConfirm()) + len(request.GetVoid()); count > maxPayments {
		return nil, invalid("%d payments given; it must be up to %d", count, maxPayments)
	}
	confirm, err := parseIDs(request.GetConfirm())
	if err != nil {
		return nil, err
	}
	void, err := parseIDs(request.GetVoid())
	if err != nil {
		return nil, err
	}
	if err := s.database.Exec(ctx, settle, confirm, void); err != nil {
		return nil, fmt.Errorf("settle payments: %w", err)
	}
	return &shopv1.SettleResponse{}, nil
}

// ListUnconfirmed answers payments that orders may have forgotten.
func (s *Server) ListUnconfirmed(
	ctx context.Context, request *shopv1.ListUnconfirmedRequest,
) (*shopv1.ListUnconfirmedResponse, error) {
	olderThan := request.GetOlderThan().AsDuration()
	if olderThan < 0 {
		return nil, invalid("older_than is %v; it must not be negative", olderThan)
	}
	ids, err := postgres.Select(ctx, s.database, pgx.RowTo[uuid.UUID], selectUnconfirmed, olderThan.Round(time.Millisecond), maxPayments)
	if err != nil {
		return nil, fmt.Errorf("unconfirmed payments: %w", err)
	}
	return &shopv1.ListUnconfirmedResponse{PaymentIds: texts(ids)}, nil
}

func parseIDs(texts []string) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, len(texts))
	for i, text := range texts {
		id, err := uuid.Parse(text)
		if err != nil {
			return nil, invalid("payment id %.60q is not a UUID", text)
		}
		ids[i] = id
	}
	return ids, nil
}

func texts(ids []uuid.UUID) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = id.String()
	}
	return all
}

func invalid(format string, arguments ...any) error {
	return status.Error(codes.InvalidArgument, fmt.Sprintf(format, arguments...))
}
