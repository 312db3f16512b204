// Command orders is the shop's business service: catalog, stock, orders and payments over gRPC
// and, if asked for, over REST.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"hopwatch.dev/shop/orders/internal/catalog"
	"hopwatch.dev/shop/orders/internal/config"
	"hopwatch.dev/shop/orders/internal/fraud"
	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/orders"
	"hopwatch.dev/shop/orders/internal/payments"
	"hopwatch.dev/shop/orders/internal/postgres"
	"hopwatch.dev/shop/orders/internal/rest"
	"hopwatch.dev/shop/orders/internal/server"
	"hopwatch.dev/shop/orders/internal/stock"
	"hopwatch.dev/shop/orders/internal/telemetry"
)

// flushTimeout bounds the sending of the last telemetry.
const flushTimeout = 2 * time.Second

func main() {
	healthcheck := flag.Bool("healthcheck", false,
		"ask the service that runs with this environment whether it is serving; exit code 0 if so")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	settings, err := config.FromEnv(os.Getenv)
	switch {
	case err != nil:
	case *healthcheck:
		err = server.Probe(ctx, settings.Listen)
	default:
		err = run(ctx, settings, os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", telemetry.ServiceName, err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then stops in order. Log lines go to out.
func run(ctx context.Context, settings config.Config, out io.Writer) error {
	started := time.Now()
	console := telemetry.Console(out)
	sending, err := telemetry.Start(ctx, settings.Version, console)
	if err != nil {
		return err
	}
	defer func() {
		// ctx has ended by now.
		flush, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		if err := sending.Shutdown(flush); err != nil {
			console.Warn("the last telemetry was not sent", "error", err.Error())
		}
		console.Info("stopped")
	}()
	log := sending.Logger(console)
	database, err := postgres.Open(ctx, settings.DatabaseURL, log)
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to stop while it waited
		}
		return err
	}
	defer database.Close()
	listener, err := server.Listen(ctx, settings.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen (see ORDERS_LISTEN): %w", err)
	}
	grpcServer := server.New(log, settings.Drain, settings.Labs)
	services := serve(grpcServer, database)
	var web *server.Web
	if settings.RESTListen != "" {
		restListener, err := server.Listen(ctx, settings.RESTListen)
		if err != nil {
			return fmt.Errorf("cannot listen (see ORDERS_REST_LISTEN): %w", err)
		}
		web = server.NewWeb(restListener, rest.NewHandler(services, grpcServer.Intercept), log)
	}
	log.Info("serving", "address", listener.Addr().String(), "rest", settings.RESTListen, "version", settings.Version,
		"labs", settings.Labs, "started_in_ms", time.Since(started).Milliseconds())
	return grpcServer.Serve(ctx, listener, web)
}

// serve builds the modules, gives each its gRPC service, and returns all.
func serve(grpcServer *server.Server, database *postgres.Database) rest.Services {
	products := catalog.New(database)
	levels := stock.New(database)
	store := orders.NewStore(database)
	services := rest.Services{
		Catalog: catalog.NewServer(products),
		Stock:   stock.NewServer(levels),
		Orders: orders.NewServer(&orders.Orders{
			Store:    store,
			Catalog:  products,
			Stock:    levels,
			Fraud:    fraud.New(store),
			Payments: payments.New(database),
		}),
		Health: grpcServer.Health,
	}
	shopv1.RegisterCatalogServer(grpcServer, services.Catalog)
	shopv1.RegisterStockServer(grpcServer, services.Stock)
	shopv1.RegisterOrdersServer(grpcServer, services.Orders)
	return services
}
