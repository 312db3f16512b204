package postgres

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"hopwatch.dev/shop/orders/internal/shoptest"
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

func TestIsUnavailable(t *testing.T) {
	refusal := func(code string) error { return fmt.Errorf("orders: %w", &pgconn.PgError{Code: code}) }
	tests := map[string]struct {
		err  error
		want bool
	}{
		"server stops":            {refusal("57P01"), true},
		"server starts":           {refusal("57P03"), true},
		"too many connections":    {refusal("53300"), true},
		"connection lost":         {refusal("08006"), true},
		"lost a race":             {refusal("40001"), true},
		"deadlock":                {refusal("40P01"), true},
		"constraint":              {refusal("23505"), false},
		"no such table":           {refusal("42P01"), false},
		"connection cut":          {fmt.Errorf("orders: %w", io.ErrUnexpectedEOF), true},
		"something of our own":    {errors.New("orders: no"), false},
		"rows that are not there": {pgx.ErrNoRows, false},
	}
	for name, test := range tests {
		if got := IsUnavailable(test.err); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestPoolSize(t *testing.T) {
	const url = "postgres://shop@127.0.0.1/shop"
	for given, want := range map[string]int32{url: defaultPoolSize, url + "?pool_max_conns=3": 3} {
		if config, err := parse(given); err != nil || config.MaxConns != want {
			t.Errorf("%s: got %+v, %v; want %d", given, config, err, want)
		}
	}
}

func TestOpen(t *testing.T) {
	url := shoptest.NewDatabase(t)
	log := slog.New(slog.DiscardHandler)
	pool, err := Open(t.Context(), url, log)
	if err != nil {
		t.Fatal(err)
	}
	pool.Close()
	// What waiting cannot cure is told at once.
	for bad, want := range map[string]string{
		strings.Replace(url, "shop_test_", "absent_", 1): "does not exist",
		"postgres://127.0.0.1:port/shop":                 "DATABASE_URL",
	} {
		if _, err := Open(t.Context(), bad, log); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", bad, err, want)
		}
	}
}

func TestTransactRepeatsLostRaces(t *testing.T) {
	pool := shoptest.NewPool(t)
	deadlock := &pgconn.PgError{Code: deadlockDetected}
	tests := map[string]struct {
		failures int
		err      error
		attempts int
		want     error
	}{
		"first time":     {0, deadlock, 1, nil},
		"third time":     {2, deadlock, 3, nil},
		"never":          {9, deadlock, maxAttempts, deadlock},
		"another reason": {9, io.ErrNoProgress, 1, io.ErrNoProgress},
	}
	for name, test := range tests {
		attempts := 0
		err := Transact(t.Context(), pool, func(pgx.Tx) error {
			if attempts++; attempts <= test.failures {
				return test.err
			}
			return nil
		})
		if attempts != test.attempts || !errors.Is(err, test.want) {
			t.Errorf("%s: %d attempts, %v", name, attempts, err)
		}
	}
}
