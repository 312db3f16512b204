// Package postgres connects to the shop's database, traces and measures what is asked of it, and
// gets calls over its restarts.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel"
)

// defaultPoolSize is the same on every machine, unlike pgxpool's own default of one a core: what
// waits for a connection here waits there too.
const defaultPoolSize = 8

// scope names this package's own spans and metrics.
const scope = "hopwatch.dev/shop/orders/internal/postgres"

const connectTimeout = 5 * time.Second

// How long a database that is started at the same time may take to come up and be migrated.
const patience = 30 * time.Second

// Open connects to the database at url, where the connections bear the name of the service, and
// waits, within limits, until it holds the products.
func Open(ctx context.Context, url, service string, log *slog.Logger) (*Database, error) {
	config, err := parse(url)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.ConnConfig.RuntimeParams["application_name"] = service
	config.ConnConfig.Tracer = newTracer(config.ConnConfig)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connection pool: %w", err)
	}
	if err := waitUntilReady(ctx, pool, log); err != nil {
		pool.Close()
		return nil, fmt.Errorf("database %s on %s:%d is not ready (is it running, did shop-migrate succeed?): %w",
			config.ConnConfig.Database, config.ConnConfig.Host, config.ConnConfig.Port, err)
	}
	metrics, err := newPoolMetrics(otel.Meter(scope), pool)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("metrics of the connection pool: %w", err)
	}
	alive, end := context.WithCancel(context.Background())
	return &Database{
		pool:    pool,
		outage:  &outage{tracer: otel.Tracer(scope), log: log, probe: probe(config.ConnConfig)},
		retries: newBudget(),
		metrics: metrics,
		alive:   alive,
		end:     end,
	}, nil
}

// probe returns a function that connects and leaves again, untraced. A server that answers, be it
// with a refusal, is there.
func probe(config *pgx.ConnConfig) func(context.Context) error {
	config = config.Copy()
	config.Tracer = nil
	return func(ctx context.Context) error {
		connection, err := pgx.ConnectConfig(ctx, config)
		if err == nil {
			return connection.Close(ctx)
		}
		if lostConnection(err) {
			return err
		}
		return nil
	}
}

func parse(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	// Only pgx itself still tells whether the URL sets the size.
	given, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if _, set := given.RuntimeParams["pool_max_conns"]; !set {
		config.MaxConns = defaultPoolSize
	}
	return config, nil
}

func waitUntilReady(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	said := false
	sayOnce := func(err error, _ time.Duration) {
		if !said {
			log.Info("waiting for the database", "error", err.Error())
			said = true
		}
	}
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, checkReady(ctx, pool) },
		backoff.WithBackOff(backoff.NewConstantBackOff(50*time.Millisecond)),
		backoff.WithMaxElapsedTime(patience),
		backoff.WithNotify(sayOnce),
	)
	return err
}

func checkReady(ctx context.Context, pool *pgxpool.Pool) error {
	var ready bool
	err := pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM products)`).Scan(&ready)
	if err == nil && !ready {
		return errors.New("there are no products")
	}
	if state := sqlState(err); state != "" && state != undefinedTable && !IsUnavailable(err) {
		// The server answered and said no: waiting does not change that.
		return backoff.Permanent(err)
	}
	return err
}
