// Command shop-migrate creates or updates the shop's schema and products in the database that
// DATABASE_URL names. It can be run again, and side by side with itself.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"hopwatch.dev/shop/db"
)

// SQLSTATE of a server that is still starting.
const cannotConnectNow = "57P03"

// A database that is started at the same time gets this long to come up.
const patience = 15 * time.Second

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, log); err != nil {
		fmt.Fprintf(os.Stderr, "shop-migrate: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, log *slog.Logger) error {
	url := os.Getenv("DATABASE_URL")
	if url == "" {
		return errors.New("DATABASE_URL is not set; give it the database to migrate, " +
			"for example postgres://shop:secret@127.0.0.1:15432/shop")
	}
	// The URL may be the services' own, with parameters of their connection pools.
	pool, err := pgxpool.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	config := pool.ConnConfig
	config.ConnectTimeout = 5 * time.Second
	database := stdlib.OpenDB(*config)
	defer database.Close()

	if err := waitUntilReachable(ctx, database, log); err != nil {
		return fmt.Errorf("database %s on %s:%d cannot be reached: %w", config.Database, config.Host, config.Port, err)
	}
	version, err := db.Migrate(ctx, database, log)
	if err != nil {
		return err
	}
	log.Info("schema and products are there", "version", version)
	return nil
}

func waitUntilReachable(ctx context.Context, database *sql.DB, log *slog.Logger) error {
	ping := func() (struct{}, error) {
		err := database.PingContext(ctx)
		// The server answered and said no: waiting does not change that, unless it is still starting.
		if refusal := (*pgconn.PgError)(nil); errors.As(err, &refusal) && refusal.Code != cannotConnectNow {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}
	said := false
	sayOnce := func(err error, _ time.Duration) {
		if !said {
			log.Info("waiting for the database", "error", err.Error())
			said = true
		}
	}
	_, err := backoff.Retry(ctx, ping,
		backoff.WithBackOff(backoff.NewConstantBackOff(100*time.Millisecond)),
		backoff.WithMaxElapsedTime(patience),
		backoff.WithNotify(sayOnce),
	)
	return err
}
