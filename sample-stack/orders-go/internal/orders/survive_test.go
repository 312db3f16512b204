package orders

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hopwatch.dev/shop/orders/internal/shoptest"
)

// Whether the COMMIT or its answer was lost, the order is placed once.
func TestPlaceOnceWhenTheCommitIsLost(t *testing.T) {
	url := shoptest.NewDatabase(t)
	proxy := shoptest.NewProxy(t, url)
	orders, pool := newOrders(t, proxy.URL), shoptest.Pool(t, url)
	for name, loss := range map[string]shoptest.Loss{"commit": shoptest.LoseCommit, "answer": shoptest.LoseAnswer} {
		t.Run(name, func(t *testing.T) {
			before := books(t, pool)
			request := requestFor("ann@example.com", plenty, 2, plentyPrice)
			proxy.LoseNext(loss)
			placed, err := orders.Place(t.Context(), request)
			if err != nil || placed.PlacedAt.IsZero() {
				t.Fatalf("got %+v, %v", placed, err)
			}
			if !proxy.Lost() {
				t.Fatal("nothing was lost")
			}
			found, err := orders.Store.ByID(t.Context(), placed.ID)
			if err != nil || !found.answers(request) || !found.PlacedAt.Equal(placed.PlacedAt) {
				t.Errorf("found %+v, %v; want %+v", found, err, placed)
			}
			want := totals{before.orders + 1, before.authorised + 1, before.units - 2}
			if after := books(t, pool); after != want {
				t.Errorf("books: %+v, want %+v", after, want)
			}
		})
	}
}

// The server goes away again and again while orders are placed: no order fails, none is placed
// twice, none is unpaid.
func TestPlaceWhileTheServerGoesAway(t *testing.T) {
	tests := map[string]func(t *testing.T, proxy *shoptest.Proxy, pool *pgxpool.Pool){
		"connections are ended by the server": func(t *testing.T, _ *shoptest.Proxy, pool *pgxpool.Pool) {
			_, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'shop-orders'`)
			if err != nil {
				t.Error(err)
			}
		},
		"nobody listens for a while": func(_ *testing.T, proxy *shoptest.Proxy, _ *pgxpool.Pool) {
			proxy.Down()
			time.Sleep(400 * time.Millisecond)
			proxy.Up()
		},
	}
	for name, disturb := range tests {
		t.Run(name, func(t *testing.T) {
			url := shoptest.NewDatabase(t)
			proxy := shoptest.NewProxy(t, url)
			orders, pool := newOrders(t, proxy.URL), shoptest.Pool(t, url)
			before := books(t, pool)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			var (
				customers sync.WaitGroup
				over      = make(chan struct{})
				placed    = make([]int64, 12)
			)
			for i := range placed {
				customers.Go(func() {
					for ; ; placed[i]++ {
						select {
						case <-over:
							return
						default:
						}
						request := requestFor(fmt.Sprintf("c%d.%d@example.com", i, placed[i]), plenty, 1, plentyPrice)
						if _, err := orders.Place(ctx, request); err != nil {
							t.Errorf("customer %d, order %d: %v", i, placed[i], err)
							return
						}
					}
				})
			}
			for range 4 {
				time.Sleep(200 * time.Millisecond)
				disturb(t, proxy, pool)
			}
			time.Sleep(200 * time.Millisecond)
			close(over)
			customers.Wait()
			var all int64
			for _, count := range placed {
				all += count
			}
			want := totals{before.orders + all, before.authorised + all, before.units - all}
			if after := books(t, pool); after != want || all == 0 {
				t.Errorf("books after %d orders: %+v, want %+v", all, after, want)
			}
			t.Logf("%d orders", all)
		})
	}
}
