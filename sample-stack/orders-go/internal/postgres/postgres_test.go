package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/trace/noop"
)

func TestSummary(t *testing.T) {
	for sql, want := range map[string]string{
		"-- SELECT products\nSELECT id\nFROM products": "SELECT products",
		"begin":                              "BEGIN",
		"commit":                             "COMMIT",
		"SELECT EXISTS (SELECT FROM)":        "SELECT",
		"begin isolation level serializable": "BEGIN",
		"":                                   "",
	} {
		if got := summary(sql); got != want {
			t.Errorf("%q: got %q, want %q", sql, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	refusal := func(code string) error { return fmt.Errorf("orders: %w", &pgconn.PgError{Code: code}) }
	tests := map[string]struct {
		err               error
		unavailable, lost bool
	}{
		"server stops":            {refusal("57P01"), true, true},
		"server crashed":          {refusal("57P02"), true, true},
		"server starts":           {refusal("57P03"), true, true},
		"too many connections":    {refusal("53300"), true, false},
		"connection lost":         {refusal("08006"), true, true},
		"lost a race":             {refusal("40001"), true, false},
		"deadlock":                {refusal("40P01"), true, false},
		"constraint":              {refusal("23505"), false, false},
		"no such table":           {refusal("42P01"), false, false},
		"connection cut":          {fmt.Errorf("orders: %w", io.ErrUnexpectedEOF), true, true},
		"broken pipe":             {fmt.Errorf("orders: %w", &net.OpError{Op: "write", Err: syscall.EPIPE}), true, true},
		"away for too long":       {errAway, true, false},
		"something of our own":    {errors.New("orders: no"), false, false},
		"rows that are not there": {pgx.ErrNoRows, false, false},
		"all connections in use":  {errBusy, false, false},
	}
	for name, test := range tests {
		if unavailable, lost := IsUnavailable(test.err), lostConnection(test.err); unavailable != test.unavailable || lost != test.lost {
			t.Errorf("%s: unavailable %v, connection lost %v", name, unavailable, lost)
		}
	}
}

func TestBudget(t *testing.T) {
	budget := newBudget()
	paid := func() (count int) {
		for budget.spend() {
			count++
		}
		return count
	}
	if burst := paid(); burst != 200 {
		t.Errorf("a burst of %d, want 200", burst)
	}
	for range 100 {
		budget.earn()
	}
	if share := paid(); share != 20 {
		t.Errorf("%d retries for 100 calls, want 20", share)
	}
	for range 10_000 {
		budget.earn()
	}
	if burst := paid(); burst != 200 {
		t.Errorf("%d retries after a long time, want 200", burst)
	}
}

func TestOutage(t *testing.T) {
	newOutage := func(probe func(context.Context) error) *outage {
		return &outage{tracer: noop.NewTracerProvider().Tracer(""), log: slog.New(slog.DiscardHandler), probe: probe}
	}
	t.Run("many wait, one knocks", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			knocks := 0
			outage := newOutage(func(context.Context) error {
				if knocks++; knocks <= 20 {
					return io.EOF
				}
				return nil
			})
			if err := outage.wait(t.Context()); err != nil {
				t.Error(err)
			}
			if first, second := outage.begin(t.Context(), io.EOF), outage.begin(t.Context(), io.EOF); !first || second {
				t.Errorf("began: %v, then %v", first, second)
			}
			start := time.Now()
			var calls sync.WaitGroup
			for range 100 {
				calls.Go(func() {
					if err := outage.wait(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			calls.Wait()
			if took := time.Since(start); knocks != 21 || took != 20*probeInterval {
				t.Errorf("%d knocks in %v", knocks, took)
			}
		})
	})
	t.Run("patience ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			alive, end := context.WithCancel(t.Context())
			outage := newOutage(func(context.Context) error { return io.EOF })
			outage.begin(alive, io.EOF)
			start := time.Now()
			for range 2 {
				if err := outage.wait(t.Context()); err != errAway || time.Since(start) != outagePatience {
					t.Errorf("%v after %v", err, time.Since(start))
				}
			}
			end()
		})
	})
	t.Run("deadlines hold", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			alive, end := context.WithCancel(t.Context())
			outage := newOutage(func(context.Context) error { return io.EOF })
			outage.begin(alive, io.EOF)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := outage.wait(ctx); err != context.DeadlineExceeded {
				t.Error(err)
			}
			end()
		})
	})
}

func TestPoolSize(t *testing.T) {
	const url = "postgres://shop@127.0.0.1/shop"
	for given, want := range map[string]int32{url: defaultPoolSize, url + "?pool_max_conns=3": 3} {
		if config, err := parse(given); err != nil || config.MaxConns != want {
			t.Errorf("%s: got %+v, %v; want %d", given, config, err, want)
		}
	}
}
