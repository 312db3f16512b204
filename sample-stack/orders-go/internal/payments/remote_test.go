package payments

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/money"
	"hopwatch.dev/shop/orders/internal/postgres"
	"hopwatch.dev/shop/orders/internal/shoptest"
)

// extracted is payments as a service of its own, and a client of it that settles when it is told to.
type extracted struct {
	*Remote
	database *postgres.Database
	pool     *pgxpool.Pool
	address  string
	server   *grpc.Server
}

func extract(t *testing.T) *extracted {
	t.Helper()
	url := shoptest.NewDatabase(t)
	e := &extracted{database: shoptest.Open(t, url), pool: shoptest.Pool(t, url), address: "127.0.0.1:0"}
	e.start(t)
	remote, err := Connect(e.address, e.database, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remote.Close)
	e.Remote = remote
	remote.stop()
	<-remote.stopped
	return e
}

func (e *extracted) start(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", e.address)
	if err != nil {
		t.Fatal(err)
	}
	e.address, e.server = listener.Addr().String(), grpc.NewServer()
	shopv1.RegisterPaymentsServer(e.server, NewServer(e.database))
	go e.server.Serve(listener)
	t.Cleanup(e.server.Stop)
}

func (e *extracted) authorise(t *testing.T) Payment {
	t.Helper()
	payment := Payment{OrderID: uuid.New(), Amount: money.Money{Currency: "EUR", MinorUnits: 12_50}}
	var err error
	payment.ID, err = e.Authorise(t.Context(), charge(payment))
	if err != nil {
		t.Fatal(err)
	}
	return payment
}

func charge(payment Payment) Charge {
	return Charge{OrderID: payment.OrderID, Amount: payment.Amount, CustomerEmail: "ann@example.com"}
}

// record does what the transaction of an order does with its payment.
func (e *extracted) record(t *testing.T, payment Payment, outcome error) error {
	t.Helper()
	return e.database.Transact(t.Context(), func(ctx context.Context, transaction pgx.Tx) error {
		return errors.Join(e.Record(ctx, transaction, payment), outcome)
	})
}

func (e *extracted) expect(t *testing.T, payment Payment, want string) {
	t.Helper()
	var got string
	err := e.pool.QueryRow(t.Context(), "SELECT status FROM payments WHERE id = $1 AND order_id = $2",
		payment.ID, payment.OrderID).Scan(&got)
	if err != nil || got != want {
		t.Errorf("the payment is %q, %v; want %s", got, err, want)
	}
}

func TestServiceDeclinesAsTheModuleDoes(t *testing.T) {
	e := extract(t)
	module := New(e.database)
	for name, charge := range map[string]Charge{
		"too much":     {Amount: money.Money{Currency: "EUR", MinorUnits: limitMinorUnits + 1}, CustomerEmail: "ann@example.com"},
		"test address": {Amount: money.Money{Currency: "EUR", MinorUnits: 1}, CustomerEmail: "ann+declined@example.com"},
		"at the limit": {Amount: money.Money{Currency: "EUR", MinorUnits: limitMinorUnits}, CustomerEmail: "ann@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			charge.OrderID = uuid.New()
			_, ofModule := module.Authorise(t.Context(), charge)
			charge.OrderID = uuid.New()
			_, ofService := e.Authorise(t.Context(), charge)
			_, again := e.Authorise(t.Context(), charge)
			for _, got := range []error{ofService, again} {
				if status.Code(got) != status.Code(ofModule) || status.Convert(got).Message() != status.Convert(ofModule).Message() {
					t.Errorf("the service says %v, the module %v", got, ofModule)
				}
			}
			var recorded int
			err := e.pool.QueryRow(t.Context(), "SELECT count(*) FROM payments WHERE order_id = $1", charge.OrderID).Scan(&recorded)
			if err != nil || recorded != 1 {
				t.Errorf("%d records, %v; want one", recorded, err)
			}
		})
	}
}

func TestAuthoriseOnceForAnOrder(t *testing.T) {
	e := extract(t)
	payment := e.authorise(t)
	if id, err := e.Authorise(t.Context(), charge(payment)); err != nil || id != payment.ID {
		t.Errorf("the same order again: payment %v, %v; want %v", id, err, payment.ID)
	}
	server := NewServer(e.database)
	other := &shopv1.AuthoriseRequest{OrderId: payment.OrderID.String(), Amount: money.Money{Currency: "EUR", MinorUnits: 1}.Proto()}
	if _, err := server.Authorise(t.Context(), other); status.Code(err) != codes.AlreadyExists {
		t.Errorf("another amount for the order: %v", err)
	}
	e.expect(t, payment, "unconfirmed")
}

func TestServerRefuses(t *testing.T) {
	server := NewServer(nil)
	amount := &shopv1.Money{Currency: "EUR", MinorUnits: 1}
	for name, request := range map[string]*shopv1.AuthoriseRequest{
		"no order": {Amount: amount}, "no amount": {OrderId: uuid.NewString()},
		"nothing to pay": {OrderId: uuid.NewString(), Amount: &shopv1.Money{Currency: "EUR"}},
		"no currency":    {OrderId: uuid.NewString(), Amount: &shopv1.Money{MinorUnits: 1}},
	} {
		if _, err := server.Authorise(t.Context(), request); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, request := range map[string]*shopv1.SettleRequest{
		"no id to confirm": {Confirm: []string{"x"}}, "no id to void": {Void: []string{""}},
		"too many": {Confirm: make([]string, 600), Void: make([]string, 600)},
	} {
		if _, err := server.Settle(t.Context(), request); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSettle(t *testing.T) {
	rollback := errors.New("the order cannot be written")
	tests := map[string]struct {
		do   func(t *testing.T, e *extracted, payment Payment)
		want string
	}{
		"the order was written": {func(t *testing.T, e *extracted, payment Payment) {
			if err := e.record(t, payment, nil); err != nil {
				t.Fatal(err)
			}
		}, "authorised"},
		"it was not": {func(t *testing.T, e *extracted, payment Payment) {
			if err := e.record(t, payment, rollback); !errors.Is(err, rollback) {
				t.Fatal(err)
			}
			if err := e.Release(t.Context(), payment.ID); err != nil {
				t.Fatal(err)
			}
		}, "voided"},
		"nobody knows whether it was, but it was": {func(t *testing.T, e *extracted, payment Payment) {
			if err := e.record(t, payment, nil); err != nil {
				t.Fatal(err)
			}
			if err := e.Release(t.Context(), payment.ID); err != nil {
				t.Fatal(err)
			}
		}, "authorised"},
		"killed before the order": {func(t *testing.T, e *extracted, _ Payment) {
			if err := e.sweep(0); err != nil {
				t.Fatal(err)
			}
		}, "voided"},
		"the sweep came after the order": {func(t *testing.T, e *extracted, payment Payment) {
			if err := e.record(t, payment, nil); err != nil {
				t.Fatal(err)
			}
			if err := e.sweep(0); err != nil {
				t.Fatal(err)
			}
		}, "authorised"},
		"the order came after the sweep, and after all was settled": {func(t *testing.T, e *extracted, payment Payment) {
			if err := e.sweep(0); err != nil {
				t.Fatal(err)
			}
			if err := e.settle(); err != nil {
				t.Fatal(err)
			}
			if err := e.record(t, payment, nil); status.Code(err) != codes.Unavailable {
				t.Errorf("an order is written although its payment was given back: %v", err)
			}
		}, "voided"},
		"young payments are left alone": {func(t *testing.T, e *extracted, _ Payment) {
			if err := e.sweep(time.Minute); err != nil {
				t.Fatal(err)
			}
		}, "unconfirmed"},
	}
	e := extract(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			payment := e.authorise(t)
			test.do(t, e, payment)
			// Twice: what is settled stays so.
			for range 2 {
				if err := e.settle(); err != nil {
					t.Fatal(err)
				}
				e.expect(t, payment, test.want)
			}
		})
	}
}

// A decision outlives the service's absence and the answer that was lost.
func TestSettleWhenPaymentsIsBack(t *testing.T) {
	e := extract(t)
	payment := e.authorise(t)
	if err := e.record(t, payment, nil); err != nil {
		t.Fatal(err)
	}
	e.server.Stop()
	if err := e.settle(); status.Code(err) != codes.Unavailable {
		t.Fatalf("got %v", err)
	}
	if _, err := e.Authorise(t.Context(), charge(Payment{OrderID: uuid.New(), Amount: payment.Amount})); status.Code(err) != codes.Unavailable {
		t.Errorf("without payments: %v", err)
	}
	e.expect(t, payment, "unconfirmed")
	e.start(t)
	if err := e.settle(); err != nil {
		t.Fatal(err)
	}
	e.expect(t, payment, "authorised")
	if _, err := e.pool.Exec(t.Context(), "UPDATE payment_decisions SET settled_at = NULL"); err != nil {
		t.Fatal(err)
	}
	if err := e.settle(); err != nil {
		t.Errorf("settling again what is settled: %v", err)
	}
	e.expect(t, payment, "authorised")
}

// A transaction that began before the sweep and ends after it is waited for.
func TestSweepWaitsForTheOrder(t *testing.T) {
	e := extract(t)
	payment := e.authorise(t)
	transaction, err := e.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer transaction.Rollback(context.Background())
	if err := e.Record(t.Context(), transaction, payment); err != nil {
		t.Fatal(err)
	}
	swept := make(chan error, 1)
	go func() { swept <- e.sweep(0) }()
	select {
	case err := <-swept:
		t.Fatalf("the sweep did not wait: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	if err := transaction.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-swept, e.settle()); err != nil {
		t.Fatal(err)
	}
	e.expect(t, payment, "authorised")
}
