package orders

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/catalog"
	"hopwatch.dev/shop/orders/internal/fraud"
	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/money"
	"hopwatch.dev/shop/orders/internal/payments"
	"hopwatch.dev/shop/orders/internal/shoptest"
	"hopwatch.dev/shop/orders/internal/stock"
)

// Products of the migrations, and the prices of one unit.
const (
	plenty, plentyPrice   = "p00001", 5790
	scarce, scarcePrice   = "p00021", 7390
	soldOut, soldOutPrice = "p00008", 10990
)

func newOrders(t *testing.T, url string) *Orders {
	t.Helper()
	database := shoptest.Open(t, url)
	store := NewStore(database)
	return &Orders{
		Store: store, Catalog: catalog.New(database), Stock: stock.New(database), Fraud: fraud.New(store),
		Payments: payments.New(database),
	}
}

// newOrdersWithService is newOrders where payments is a service of its own.
func newOrdersWithService(t *testing.T, url string) *Orders {
	t.Helper()
	database := shoptest.Open(t, url)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	shopv1.RegisterPaymentsServer(server, payments.NewServer(database))
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	remote, err := payments.Connect(listener.Addr().String(), database, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remote.Close)
	orders := newOrders(t, url)
	orders.Payments = remote
	return orders
}

func requestFor(email, product string, quantity int32, unitPrice int64) Request {
	return Request{
		IdempotencyKey: uuid.New(), CustomerEmail: email,
		Lines:         []Line{{ProductID: product, Quantity: quantity}},
		ExpectedTotal: money.Money{Currency: "EUR", MinorUnits: unitPrice * int64(quantity)},
	}
}

func TestPlace(t *testing.T) {
	t.Run("payments is a module", func(t *testing.T) { testPlace(t, newOrders) })
	t.Run("payments is a service", func(t *testing.T) { testPlace(t, newOrdersWithService) })
}

func testPlace(t *testing.T, newOrders func(*testing.T, string) *Orders) {
	url := shoptest.NewDatabase(t)
	orders, pool := newOrders(t, url), shoptest.Pool(t, url)

	t.Run("an order can be found again, and placed again with the same key", func(t *testing.T) {
		request := requestFor("ann@example.com", plenty, 2, plentyPrice)
		placed, err := orders.Place(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		again, err := orders.Place(t.Context(), request)
		if err != nil || again.ID != placed.ID || !again.PlacedAt.Equal(placed.PlacedAt) {
			t.Errorf("placed again: %+v, %v; want %+v", again, err, placed)
		}
		found, err := orders.Store.ByID(t.Context(), placed.ID)
		if err != nil || !found.answers(request) || found.PaymentID != placed.PaymentID {
			t.Errorf("found: %+v, %v; want %+v", found, err, placed)
		}
		request.Lines[0].Quantity = 1
		if _, err := orders.Place(t.Context(), request); status.Code(err) != codes.AlreadyExists {
			t.Errorf("the same key for another order: got %v", err)
		}
	})

	t.Run("what is refused leaves nothing behind", func(t *testing.T) {
		before := books(t, pool)
		tests := map[string]Request{
			"sold out":  requestFor("ann@example.com", soldOut, 1, soldOutPrice),
			"too few":   requestFor("ann@example.com", scarce, 6, scarcePrice),
			"dearer":    requestFor("ann@example.com", plenty, 1, plentyPrice-1),
			"no credit": requestFor("ann+declined@example.com", plenty, 1, plentyPrice),
			"fraud":     requestFor("x@mailinator.com", plenty, 99, plentyPrice),
		}
		for name, request := range tests {
			if _, err := orders.Place(t.Context(), request); status.Code(err) != codes.FailedPrecondition {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if after := books(t, pool); after != before {
			t.Errorf("books changed from %+v to %+v", before, after)
		}
	})

	t.Run("one key, many at once: one order, one open payment, one reservation", func(t *testing.T) {
		before := books(t, pool)
		request := requestFor("bob@example.com", plenty, 3, plentyPrice)
		placed := sideBySide(t, 8, func() (Order, error) { return orders.Place(t.Context(), request) })
		for _, outcome := range placed {
			if outcome.err != nil || outcome.order.ID != placed[0].order.ID {
				t.Errorf("got %v, %v", outcome.order.ID, outcome.err)
			}
		}
		want := before
		want.orders, want.authorised, want.units = before.orders+1, before.authorised+1, before.units-3
		if after := books(t, pool); after != want {
			t.Errorf("books: %+v, want %+v", after, want)
		}
	})

	t.Run("more customers than units: each unit is sold and paid once", func(t *testing.T) {
		before := books(t, pool)
		placed := sideBySide(t, 12, func() (Order, error) {
			return orders.Place(t.Context(), requestFor(uuid.NewString()+"@example.com", scarce, 1, scarcePrice))
		})
		for _, outcome := range placed {
			if code := status.Code(outcome.err); code != codes.OK && code != codes.FailedPrecondition {
				t.Error(outcome.err)
			}
		}
		want := before
		want.orders, want.authorised, want.units = before.orders+5, before.authorised+5, before.units-5
		if after := books(t, pool); after != want {
			t.Errorf("books: %+v, want %+v", after, want)
		}
	})

	t.Run("a customer who orders without end is stopped", func(t *testing.T) {
		var err error
		for range 31 {
			if _, err = orders.Place(t.Context(), requestFor("eve@example.com", plenty, 1, plentyPrice)); err != nil {
				break
			}
		}
		if status.Code(err) != codes.FailedPrecondition {
			t.Errorf("got %v", err)
		}
	})
}

// brokenStock has plenty until it is asked to give some.
type brokenStock struct {
	Stock
	err error
}

func (s brokenStock) Reserve(context.Context, pgx.Tx, map[string]int32) error { return s.err }

func TestNoPaymentWithoutItsOrder(t *testing.T) {
	t.Run("payments is a module", func(t *testing.T) { testNoPaymentWithoutItsOrder(t, newOrders) })
	t.Run("payments is a service", func(t *testing.T) { testNoPaymentWithoutItsOrder(t, newOrdersWithService) })
}

func testNoPaymentWithoutItsOrder(t *testing.T, newOrders func(*testing.T, string) *Orders) {
	url := shoptest.NewDatabase(t)
	orders, pool := newOrders(t, url), shoptest.Pool(t, url)
	broken := errors.New("disk on fire")
	orders.Stock = brokenStock{orders.Stock, broken}
	before := books(t, pool)
	if _, err := orders.Place(t.Context(), requestFor("ann@example.com", plenty, 1, plentyPrice)); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if after := books(t, pool); after != before {
		t.Errorf("books changed from %+v to %+v", before, after)
	}
}

// racedStock tells the level only after somebody else was faster.
type racedStock struct {
	Stock
	lose func()
}

func (s racedStock) Levels(ctx context.Context, ids []string) (map[string]int32, error) {
	s.lose()
	return s.Stock.Levels(ctx, ids)
}

// A client that tries again must not hear that the units are gone which its first try has bought.
func TestTheSameRequestIsFaster(t *testing.T) {
	orders := newOrders(t, shoptest.NewDatabase(t))
	request := requestFor("ann@example.com", scarce, 5, scarcePrice)
	var first Order
	second := *orders
	second.Stock = racedStock{orders.Stock, func() {
		var err error
		if first, err = orders.Place(t.Context(), request); err != nil {
			t.Error(err)
		}
	}}
	if placed, err := second.Place(t.Context(), request); err != nil || placed.ID != first.ID {
		t.Errorf("got %v, %v; want order %v", placed.ID, err, first.ID)
	}
}

type outcome struct {
	order Order
	err   error
}

func sideBySide(t *testing.T, count int, place func() (Order, error)) []outcome {
	t.Helper()
	outcomes := make([]outcome, count)
	var running sync.WaitGroup
	for i := range outcomes {
		running.Go(func() { outcomes[i].order, outcomes[i].err = place() })
	}
	running.Wait()
	return outcomes
}

// totals of what must agree: orders, payments that are authorised, units in stock.
type totals struct{ orders, authorised, units int64 }

// books are the totals once what was decided of payments is carried out.
func books(t *testing.T, pool *pgxpool.Pool) (all totals) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for unsettled := true; unsettled; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("payments are not settled")
		}
		err := pool.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM payments WHERE status = 'unconfirmed')").Scan(&unsettled)
		if err != nil {
			t.Fatal(err)
		}
	}
	err := pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM orders),
		(SELECT count(*) FROM payments WHERE status = 'authorised'),
		(SELECT sum(units) FROM stock_levels)`).Scan(&all.orders, &all.authorised, &all.units)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
