package payments

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/money"
	"hopwatch.dev/shop/orders/internal/shoptest"
)

func TestAuthorise(t *testing.T) {
	url := shoptest.NewDatabase(t)
	database, pool := shoptest.Open(t, url), shoptest.Pool(t, url)
	payments := New(database)
	tests := map[string]struct {
		minorUnits int64
		email      string
		want       codes.Code
		recorded   []string
	}{
		"paid":         {12_50, "ann@example.com", codes.OK, nil},
		"at the limit": {10_000_00, "ann@example.com", codes.OK, nil},
		"too much":     {10_000_01, "ann@example.com", codes.FailedPrecondition, []string{"declined"}},
		"test address": {12_50, "ann+declined@example.com", codes.FailedPrecondition, []string{"declined"}},
	}
	recorded := func(order uuid.UUID) []string {
		t.Helper()
		rows, err := pool.Query(t.Context(), "SELECT status FROM payments WHERE order_id = $1", order)
		if err != nil {
			t.Fatal(err)
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			payment := Payment{OrderID: uuid.New(), Amount: money.Money{Currency: "EUR", MinorUnits: test.minorUnits}}
			var err error
			payment.ID, err = payments.Authorise(t.Context(), Charge{
				OrderID: payment.OrderID, Amount: payment.Amount, CustomerEmail: test.email,
			})
			if status.Code(err) != test.want {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if got := recorded(payment.OrderID); !slices.Equal(got, test.recorded) {
				t.Errorf("recorded as %v, want %v", got, test.recorded)
			}
			if err != nil {
				return
			}
			rollback := errors.New("the order cannot be written")
			for _, outcome := range []error{rollback, nil} {
				err := database.Transact(t.Context(), func(ctx context.Context, transaction pgx.Tx) error {
					return errors.Join(payments.Record(ctx, transaction, payment), outcome)
				})
				if !errors.Is(err, outcome) {
					t.Fatal(err)
				}
				if got := recorded(payment.OrderID); (len(got) == 1) != (outcome == nil) {
					t.Errorf("recorded as %v after %v", got, outcome)
				}
			}
		})
	}
}
