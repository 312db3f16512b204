package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/shoptest"
)

// extracted are orders and payments as two processes.
type extracted struct {
	t                *testing.T
	binary           string
	database         string
	orders, payments string
}

func extract(t *testing.T) *extracted {
	t.Helper()
	database := shoptest.NewDatabase(t)
	binary := filepath.Join(t.TempDir(), "payments")
	if output, err := exec.Command("go", "build", "-o", binary, "../payments").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, output)
	}
	return &extracted{t, binary, database, freeAddress(t), freeAddress(t)}
}

func (e *extracted) startPayments() *process {
	e.t.Helper()
	payments := exec.Command(e.binary)
	payments.Env = []string{"PAYMENTS_LISTEN=" + e.payments}
	service := start(e.t, payments, e.database)
	service.ready(e.t)
	return service
}

func (e *extracted) startOrders() *process {
	e.t.Helper()
	orders := exec.Command(os.Args[0])
	orders.Env = []string{asService + "=1", "ORDERS_LISTEN=" + e.orders, "PAYMENTS_ADDRESS=" + e.payments}
	service := start(e.t, orders, e.database)
	service.ready(e.t)
	return service
}

func kill(t *testing.T, service *process) {
	t.Helper()
	service.signal(t, syscall.SIGKILL)
	service.Wait()
}

// statuses counts the payments of each status.
func statuses(t *testing.T, pool *pgxpool.Pool) map[string]int {
	t.Helper()
	rows, err := pool.Query(t.Context(), "SELECT status, count(*) FROM payments GROUP BY status")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var state string
		var count int
		if err := rows.Scan(&state, &count); err != nil {
			t.Fatal(err)
		}
		counts[state] = count
	}
	return counts
}

// settled waits until nothing is left to be decided or carried out; a forgotten payment takes 15 s.
func settled(t *testing.T, pool *pgxpool.Pool) map[string]int {
	t.Helper()
	waitUpTo(t, 40*time.Second, func() bool { return statuses(t, pool)["unconfirmed"] == 0 })
	return statuses(t, pool)
}

// Whichever is killed with a payment that is held and an order that is not written: the client gets
// its order, it is paid once, and what was held for the attempt that failed is given back.
func TestKilledBetweenHoldingAndOrder(t *testing.T) {
	t.Parallel()
	for name, victim := range map[string]func(e *extracted, orders, payments *process){
		"orders": func(e *extracted, orders, _ *process) {
			kill(e.t, orders)
			e.startOrders()
		},
		"payments": func(e *extracted, _, payments *process) {
			kill(e.t, payments)
			e.startPayments()
		},
		"both": func(e *extracted, orders, payments *process) {
			kill(e.t, orders)
			kill(e.t, payments)
			e.startPayments()
			e.startOrders()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := extract(t)
			pool := shoptest.Pool(t, e.database)
			paymentsProcess, ordersProcess := e.startPayments(), e.startOrders()
			client := shopv1.NewOrdersClient(retrying(t, e.orders))
			locked, err := pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer locked.Rollback(context.Background())
			if _, err := locked.Exec(t.Context(), "SELECT FROM stock_levels WHERE product_id = 'p00001' FOR UPDATE"); err != nil {
				t.Fatal(err)
			}
			order := orderOfOnePan()
			answered := make(chan error, 1)
			go func() {
				_, err := client.PlaceOrder(t.Context(), order)
				answered <- err
			}()
			// The order is stuck in its transaction.
			waitFor(t, func() bool { return statuses(t, pool)["unconfirmed"] == 1 })
			victim(e, ordersProcess, paymentsProcess)
			if err := locked.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-answered; err != nil {
				if _, err := client.PlaceOrder(t.Context(), order); err != nil {
					t.Fatal(err)
				}
			}
			counts := settled(t, pool)
			held := counts["authorised"] + counts["voided"]
			if counts["authorised"] != 1 || held > 2 || unpaidOrUnordered(t, pool) != 0 {
				t.Errorf("payments %v, of which %d are without an order or the reverse", counts, unpaidOrUnordered(t, pool))
			}
			if name == "payments" && held != 1 {
				t.Errorf("payments %v: the one that was held outlives the service", counts)
			}
		})
	}
}

// Both are killed again and again while orders come in: each customer is served in the end, each
// order is paid once, and nothing is held for nothing.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	e := extract(t)
	pool := shoptest.Pool(t, e.database)
	paymentsProcess, ordersProcess := e.startPayments(), e.startOrders()
	ended := customersAt(t, e.orders, 20)
	for range 3 {
		time.Sleep(400 * time.Millisecond)
		kill(t, paymentsProcess)
		paymentsProcess = e.startPayments()
		time.Sleep(400 * time.Millisecond)
		kill(t, ordersProcess)
		ordersProcess = e.startOrders()
	}
	placed := ended()
	counts := settled(t, pool)
	var orders int64
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM orders").Scan(&orders); err != nil || orders != placed {
		t.Errorf("%d orders, %v; %d were answered", orders, err, placed)
	}
	if without := unpaidOrUnordered(t, pool); without != 0 || int64(counts["authorised"]) != placed || placed < 6 {
		t.Errorf("%d placed, payments %v, %d without an order or the reverse", placed, counts, without)
	}
	t.Logf("%d orders, payments %v", placed, counts)
}

// Either takes over from another instance of itself without an order that fails.
func TestRollingRestartOfBoth(t *testing.T) {
	e := extract(t)
	paymentsProcess, ordersProcess := e.startPayments(), e.startOrders()
	ended := customersAt(t, e.orders, 1)
	takeOver(t, paymentsProcess, e.startPayments)
	takeOver(t, ordersProcess, e.startOrders)
	placed := ended()
	pool := shoptest.Pool(t, e.database)
	counts := settled(t, pool)
	if without := unpaidOrUnordered(t, pool); without != 0 || int64(counts["authorised"]) != placed || placed < 30 {
		t.Errorf("%d placed, payments %v, %d without an order or the reverse", placed, counts, without)
	}
	t.Logf("%d orders, payments %v", placed, counts)
}
