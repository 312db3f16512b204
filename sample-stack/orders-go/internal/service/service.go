// Package service is what the shop's services have in common as programs: how they start, serve
// and stop.
package service

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"hopwatch.dev/shop/orders/internal/config"
	"hopwatch.dev/shop/orders/internal/postgres"
	"hopwatch.dev/shop/orders/internal/server"
	"hopwatch.dev/shop/orders/internal/telemetry"
)

// flushTimeout bounds the sending of the last telemetry.
const flushTimeout = 2 * time.Second

// Service is one of the shop's services.
type Service struct {
	// Name is what it calls itself in telemetry and labs.
	Name string
	// Configure reads its settings.
	Configure func(getenv func(string) string) (config.Config, error)
	// Register gives the server its gRPC services. It returns what is to be served beside them, or
	// nil, and what is to be called when the last call has ended.
	Register func(ctx context.Context, parts Parts) (web *server.Web, ended func(), err error)
}

// Parts are what a service is made with.
type Parts struct {
	Settings config.Config
	Server   *server.Server
	Database *postgres.Database
	Log      *slog.Logger
}

// Main is the program: it ends with the process.
func (s Service) Main() {
	healthcheck := flag.Bool("healthcheck", false,
		"ask the service that runs with this environment whether it is serving; exit code 0 if so")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	settings, err := s.Configure(os.Getenv)
	switch {
	case err != nil:
	case *healthcheck:
		err = server.Probe(ctx, settings.Listen)
	default:
		err = s.Run(ctx, settings, os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", s.Name, err)
		os.Exit(1)
	}
}

// Run serves until ctx ends, and then stops in order. Log lines go to out.
func (s Service) Run(ctx context.Context, settings config.Config, out io.Writer) error {
	started := time.Now()
	console := telemetry.Console(out, s.Name)
	sending, err := telemetry.Start(ctx, s.Name, settings.Version, console)
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
	database, err := postgres.Open(ctx, settings.DatabaseURL, s.Name, log)
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to stop while it waited
		}
		return err
	}
	defer database.Close()
	listener, err := server.Listen(ctx, settings.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	grpcServer := server.New(s.Name, log, settings.Drain, settings.Labs)
	web, ended, err := s.Register(ctx, Parts{settings, grpcServer, database, log})
	if err != nil {
		return err
	}
	defer ended()
	log.Info("serving", "address", listener.Addr().String(), "rest", settings.RESTListen, "version", settings.Version,
		"labs", settings.Labs, "started_in_ms", time.Since(started).Milliseconds())
	return grpcServer.Serve(ctx, listener, web)
}
