// Command orders is the shop's business service: catalog, stock, orders and payments over gRPC.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hopwatch.dev/shop/orders/internal/catalog"
	"hopwatch.dev/shop/orders/internal/config"
	"hopwatch.dev/shop/orders/internal/fraud"
	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/orders"
	"hopwatch.dev/shop/orders/internal/payments"
	"hopwatch.dev/shop/orders/internal/postgres"
	"hopwatch.dev/shop/orders/internal/server"
	"hopwatch.dev/shop/orders/internal/stock"
	"hopwatch.dev/shop/orders/internal/telemetry"
)

// flushTimeout bounds the sending of the last spans.
const flushTimeout = 2 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	settings, err := config.FromEnv(os.Getenv)
	if err == nil {
		err = run(ctx, settings, telemetry.NewLogger(os.Stdout))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", telemetry.ServiceName, err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then stops in order.
func run(ctx context.Context, settings config.Config, log *slog.Logger) error {
	started := time.Now()
	traces, err := telemetry.Start(ctx, settings.Version, log)
	if err != nil {
		return err
	}
	defer func() {
		// ctx has ended by now.
		flush, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		if err := traces.Shutdown(flush); err != nil {
			log.Warn("the last spans were not sent", "error", err.Error())
		}
		log.Info("stopped")
	}()
	pool, err := postgres.Open(ctx, settings.DatabaseURL, log)
	if err != nil {
		return err
	}
	defer pool.Close()
	listener, err := net.Listen("tcp", settings.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen (see ORDERS_LISTEN): %w", err)
	}
	grpcServer := server.New(log, settings.Labs)
	register(grpcServer, pool, log)
	log.Info("serving", "address", listener.Addr().String(), "version", settings.Version,
		"labs", settings.Labs, "started_in_ms", time.Since(started).Milliseconds())
	return grpcServer.Serve(ctx, listener)
}

// register builds the modules and gives each its gRPC service.
func register(grpcServer *server.Server, pool *pgxpool.Pool, log *slog.Logger) {
	products := catalog.New(pool)
	levels := stock.New(pool)
	store := orders.NewStore(pool)
	shopv1.RegisterCatalogServer(grpcServer, catalog.NewServer(products))
	shopv1.RegisterStockServer(grpcServer, stock.NewServer(levels))
	shopv1.RegisterOrdersServer(grpcServer, orders.NewServer(&orders.Orders{
		Store:    store,
		Catalog:  products,
		Stock:    levels,
		Fraud:    fraud.New(store),
		Payments: payments.New(pool),
		Log:      log,
	}))
}
