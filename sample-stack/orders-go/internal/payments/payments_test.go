package payments

import (
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/money"
	"hopwatch.dev/shop/orders/internal/shoptest"
)

func TestAuthoriseAndVoid(t *testing.T) {
	pool := shoptest.NewPool(t)
	payments := New(pool)
	tests := map[string]struct {
		minorUnits int64
		email      string
		want       codes.Code
		recorded   string
	}{
		"paid":         {12_50, "ann@example.com", codes.OK, "authorised"},
		"at the limit": {10_000_00, "ann@example.com", codes.OK, "authorised"},
		"too much":     {10_000_01, "ann@example.com", codes.FailedPrecondition, "declined"},
		"test address": {12_50, "ann+declined@example.com", codes.FailedPrecondition, "declined"},
	}
	statusOf := func(order uuid.UUID) (recorded string) {
		t.Helper()
		err := pool.QueryRow(t.Context(), "SELECT status FROM payments WHERE order_id = $1", order).Scan(&recorded)
		if err != nil {
			t.Fatal(err)
		}
		return recorded
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			order := uuid.New()
			id, err := payments.Authorise(t.Context(), Charge{
				OrderID: order, Amount: money.Money{Currency: "EUR", MinorUnits: test.minorUnits}, CustomerEmail: test.email,
			})
			if status.Code(err) != test.want {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if got := statusOf(order); got != test.recorded {
				t.Errorf("recorded as %s, want %s", got, test.recorded)
			}
			if err := payments.Void(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if got := statusOf(order); test.want == codes.OK && got != "voided" {
				t.Errorf("recorded as %s after it was voided", got)
			}
		})
	}
}
