// Package shoptest gives tests a shop database of their own.
package shoptest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"hopwatch.dev/shop/orders/internal/postgres"
)

// NewDatabase creates a database with the shop's schema and products on the server that
// TEST_DATABASE_URL names, and returns its URL. It is dropped when the test ends.
func NewDatabase(t testing.TB) string {
	t.Helper()
	server := os.Getenv("TEST_DATABASE_URL")
	if server == "" {
		t.Skip("TEST_DATABASE_URL is not set: it names a Postgres server on which databases may be created")
	}
	name := "shop_test_" + strings.ToLower(rand.Text())
	execute(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })

	address, err := url.Parse(server)
	if err != nil {
		t.Fatalf("TEST_DATABASE_URL: %v", err)
	}
	address.Path = "/" + name
	for _, file := range migrations(t) {
		sql, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		execute(t, address.String(), string(sql))
	}
	// Packages are tested side by side, on a server that may have few connections to give.
	parameters := address.Query()
	parameters.Set("pool_max_conns", "6")
	address.RawQuery = parameters.Encode()
	return address.String()
}

// Open is how the service sees the database at url.
func Open(t testing.TB, url string) *postgres.Database {
	t.Helper()
	database, err := postgres.Open(t.Context(), url, "shop-orders", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(database.Close)
	return database
}

// Pool is how a test looks at the database at url beside the service.
func Pool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// migrations finds the files of sample-stack/db from whatever package's folder the test runs in.
func migrations(t testing.TB) []string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for folder != filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
		folder = filepath.Dir(folder)
	}
	files, err := filepath.Glob(filepath.Join(folder, "../db/migrations/*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations beside %s (error: %v)", folder, err)
	}
	return files
}

// execute runs statements without arguments; it works in a cleanup too.
func execute(t testing.TB, database, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	connection, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatalf("TEST_DATABASE_URL: %v", err)
	}
	defer connection.Close(ctx)
	if _, err := connection.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		t.Fatal(err)
	}
}
