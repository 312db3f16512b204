package db

import (
	"crypto/rand"
	"database/sql"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
)

// newDatabase creates an empty database on the server that TEST_DATABASE_URL names.
func newDatabase(t *testing.T) *sql.DB {
	t.Helper()
	server := os.Getenv("TEST_DATABASE_URL")
	if server == "" {
		t.Skip("TEST_DATABASE_URL is not set: it names a Postgres server on which databases may be created")
	}
	admin := open(t, server)
	name := "shop_test_" + strings.ToLower(rand.Text())
	execute(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	address, err := url.Parse(server)
	if err != nil {
		t.Fatalf("TEST_DATABASE_URL: %v", err)
	}
	address.Path = "/" + name
	return open(t, address.String())
}

func open(t *testing.T, address string) *sql.DB {
	t.Helper()
	database, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close() })
	return database
}

func execute(t *testing.T, database *sql.DB, statement string) {
	t.Helper()
	if _, err := database.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestMigrate(t *testing.T) {
	database := newDatabase(t)
	log := slog.New(slog.DiscardHandler)

	// Side by side, as when several start at once, and then again.
	var side sync.WaitGroup
	for range 3 {
		side.Go(func() {
			if _, err := Migrate(t.Context(), database, log); err != nil {
				t.Error(err)
			}
		})
	}
	side.Wait()
	if version, err := Migrate(t.Context(), database, log); err != nil || version != 4 {
		t.Fatalf("version %d, %v; want 4", version, err)
	}

	for what, check := range map[string]struct {
		query string
		want  int64
	}{
		"products":            {"SELECT count(*) FROM products", 4000},
		"different texts":     {"SELECT count(DISTINCT description) FROM products", 4000},
		"products a category": {"SELECT min(n) FROM (SELECT count(*) AS n FROM products GROUP BY category) AS c", 500},
		"cheapest above":      {"SELECT count(*) FROM products WHERE price_minor_units < 300", 0},
		"prices end in 90":    {"SELECT count(*) FROM products WHERE price_minor_units % 100 <> 90", 0},
		"stock for each":      {"SELECT count(*) FROM products JOIN stock_levels ON id = product_id", 4000},
		"sold out":            {"SELECT count(*) FROM stock_levels WHERE units = 0", 40},
		"related to each":     {"SELECT min(n) FROM (SELECT count(*) AS n FROM related_products GROUP BY product_id) AS c", 8},
	} {
		var got int64
		if err := database.QueryRowContext(t.Context(), check.query).Scan(&got); err != nil || got != check.want {
			t.Errorf("%s: %d, %v; want %d", what, got, err, check.want)
		}
	}

	const key = "'01a1fdad-459a-4146-8811-383d446cef76'"
	for what, statement := range map[string]string{
		"a product for nothing":  "UPDATE products SET price_minor_units = 0 WHERE id = 'p00001'",
		"stock below nothing":    "UPDATE stock_levels SET units = -1 WHERE product_id = 'p00001'",
		"an unknown category":    "UPDATE products SET category = 'Cellar' WHERE id = 'p00001'",
		"two of one name":        "UPDATE products SET name = (SELECT name FROM products WHERE id = 'p00002') WHERE id = 'p00001'",
		"lines without an order": "INSERT INTO order_lines VALUES (" + key + ", 1, 'p00001', 'Pan', 100, 1)",
	} {
		if _, err := database.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "violates") {
			t.Errorf("%s: got %v, want a violated constraint", what, err)
		}
	}
}

func TestOneOrderForEachIdempotencyKey(t *testing.T) {
	database := newDatabase(t)
	if _, err := Migrate(t.Context(), database, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	const insert = `INSERT INTO orders (id, idempotency_key, payment_id, customer_email, total_minor_units, currency, status)
		VALUES (gen_random_uuid(), '01a1fdad-459a-4146-8811-383d446cef76', gen_random_uuid(), 'ann@example.com', 100, 'EUR', 'placed')`
	execute(t, database, insert)
	if _, err := database.ExecContext(t.Context(), insert); err == nil || !strings.Contains(err.Error(), "orders_idempotency_key_key") {
		t.Errorf("got %v, want the unique key to be violated", err)
	}
}

func TestPaymentsWithoutAnOrderAreVoided(t *testing.T) {
	database := newDatabase(t)
	if _, err := Migrate(t.Context(), database, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	execute(t, database, `INSERT INTO payments (id, order_id, amount_minor_units, currency, status, created_at)
		SELECT gen_random_uuid(), gen_random_uuid(), amount, 'EUR', status, now() - age
		FROM (VALUES (1, 'authorised', interval '2 minutes'), (2, 'authorised', interval '2 seconds'),
			(3, 'declined', interval '2 minutes'), (4, 'authorised', interval '2 minutes')) AS p (amount, status, age)`)
	execute(t, database, `INSERT INTO orders (id, idempotency_key, payment_id, customer_email, total_minor_units, currency, status)
		SELECT order_id, gen_random_uuid(), id, 'ann@example.com', 4, 'EUR', 'placed' FROM payments WHERE amount_minor_units = 4`)
	voiding, err := files.ReadFile("migrations/00003_void_lost_payments.sql")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, database, string(voiding))
	for amount, want := range map[int]string{1: "voided", 2: "authorised", 3: "declined", 4: "authorised"} {
		var got string
		query := "SELECT status FROM payments WHERE amount_minor_units = $1"
		if err := database.QueryRowContext(t.Context(), query, amount).Scan(&got); err != nil || got != want {
			t.Errorf("payment %d is %s, %v; want %s", amount, got, err, want)
		}
	}
}
