// Package config reads the services' settings from their environment.
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
	// RESTListen is the host:port of the REST server; empty: there is none. Of orders only.
	RESTListen string
	// PaymentsAddress is the host:port of the payments service; empty: payments is a module of this
	// process. Of orders only.
	PaymentsAddress string
	// DatabaseURL names the database, and may set the pool up (pool_max_conns and others).
	DatabaseURL string
	// Version is reported as service.version.
	Version string
	// Drain is how long calls are still answered after the signal to stop.
	Drain time.Duration
	// Labs says whether faults that a request asks for are obeyed.
	Labs bool
}

// Orders reads the settings of orders with getenv (os.Getenv) and reports all that is wrong at once.
func Orders(getenv func(string) string) (Config, error) {
	env := environment{getenv: getenv}
	config := env.service("ORDERS_LISTEN", "127.0.0.1:15051")
	config.RESTListen = env.address("ORDERS_REST_LISTEN", "")
	config.PaymentsAddress = env.address("PAYMENTS_ADDRESS", "")
	return config, errors.Join(env.problems...)
}

// Payments reads the settings of payments as a service, as Orders does.
func Payments(getenv func(string) string) (Config, error) {
	env := environment{getenv: getenv}
	config := env.service("PAYMENTS_LISTEN", "127.0.0.1:15053")
	return config, errors.Join(env.problems...)
}

// environment reads variables and remembers what is wrong with them.
type environment struct {
	getenv   func(string) string
	problems []error
}

// service reads what all services have.
func (e *environment) service(listenVariable, listenDefault string) Config {
	config := Config{
		Listen:      e.address(listenVariable, listenDefault),
		DatabaseURL: e.getenv("DATABASE_URL"),
		Version:     valueOr(e.getenv("SHOP_VERSION"), "dev"),
		Labs:        e.getenv("HOPWATCH_LABS") == "1",
	}
	drain := valueOr(e.getenv("SHOP_DRAIN_SECONDS"), "1")
	seconds, err := strconv.ParseFloat(drain, 64)
	if err != nil || !(seconds >= 0 && seconds <= maxDrainSeconds) {
		e.wrong("SHOP_DRAIN_SECONDS is %q; it must be 0 to %d", drain, maxDrainSeconds)
	}
	config.Drain = time.Duration(seconds * float64(time.Second))
	if config.DatabaseURL == "" {
		e.wrong("DATABASE_URL is not set; give it the shop's database, " +
			"for example postgres://shop:secret@127.0.0.1:15432/shop")
	}
	return config
}

// address reads a host:port; an empty fallback means that there need be none.
func (e *environment) address(variable, fallback string) string {
	address := valueOr(e.getenv(variable), fallback)
	if _, _, err := net.SplitHostPort(address); err != nil && address != "" {
		e.wrong("%s is not host:port, such as 127.0.0.1:15051: %w", variable, err)
	}
	return address
}

func (e *environment) wrong(format string, arguments ...any) {
	e.problems = append(e.problems, fmt.Errorf(format, arguments...))
}

func valueOr(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
