// Package config reads the service's settings from its environment.
package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

const maxDrainSeconds = 60

// Config is what the environment says. The telemetry and the connection pool have settings of
// their own: the OTEL_* variables and the parameters of DATABASE_URL.
type Config struct {
	// Listen is the host:port of the gRPC server.
	Listen string
	// RESTListen is the host:port of the REST server; empty: there is none.
	RESTListen string
	// DatabaseURL names the database, and may set the pool up (pool_max_conns and others).
	DatabaseURL string
	// Version is reported as service.version.
	Version string
	// Drain is how long calls are still answered after the signal to stop.
	Drain time.Duration
	// Labs says whether faults that a request asks for are obeyed.
	Labs bool
}

// FromEnv reads the settings with getenv (os.Getenv) and reports all that is wrong at once.
func FromEnv(getenv func(string) string) (Config, error) {
	config := Config{
		Listen:      valueOr(getenv("ORDERS_LISTEN"), "127.0.0.1:15051"),
		RESTListen:  getenv("ORDERS_REST_LISTEN"),
		DatabaseURL: getenv("DATABASE_URL"),
		Version:     valueOr(getenv("SHOP_VERSION"), "dev"),
		Labs:        getenv("HOPWATCH_LABS") == "1",
	}
	var problems []error
	drain := valueOr(getenv("SHOP_DRAIN_SECONDS"), "1")
	seconds, err := strconv.ParseFloat(drain, 64)
	if err != nil || !(seconds >= 0 && seconds <= maxDrainSeconds) {
		problems = append(problems, fmt.Errorf("SHOP_DRAIN_SECONDS is %q; it must be 0 to %d", drain, maxDrainSeconds))
	}
	config.Drain = time.Duration(seconds * float64(time.Second))
	if _, _, err := net.SplitHostPort(config.Listen); err != nil {
		problems = append(problems, fmt.Errorf("ORDERS_LISTEN is not host:port, such as 127.0.0.1:15051: %w", err))
	}
	if _, _, err := net.SplitHostPort(config.RESTListen); err != nil && config.RESTListen != "" {
		problems = append(problems, fmt.Errorf("ORDERS_REST_LISTEN is not host:port, such as 127.0.0.1:15052: %w", err))
	}
	if config.DatabaseURL == "" {
		problems = append(problems, errors.New("DATABASE_URL is not set; give it the shop's database, "+
			"for example postgres://shop:secret@127.0.0.1:15432/shop"))
	}
	return config, errors.Join(problems...)
}

func valueOr(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
