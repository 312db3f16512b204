// Package telemetry sends traces, metrics and logs by OTLP. Losing telemetry never fails a request.
package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

const (
	endpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT"
	defaultEndpoint  = "http://127.0.0.1:4317"
)

// Telemetry is what the service says of itself while it runs.
type Telemetry struct {
	traces  *sdktrace.TracerProvider
	metrics *sdkmetric.MeterProvider
	logs    *sdklog.LoggerProvider
}

// Start installs the providers of traces and metrics of the service of that name and the propagators
// (W3C trace context and baggage). It does not wait for the collector. Trouble with telemetry itself
// is told to console.
func Start(ctx context.Context, service, version string, console *slog.Logger) (*Telemetry, error) {
	otel.SetErrorHandler(reportSparingly(console))
	otel.SetLogger(logr.FromSlogHandler(console.Handler()))
	self := describe(ctx, service, version, console)
	// The exporters look there themselves, but have another default.
	if os.Getenv(endpointVariable) == "" {
		if err := os.Setenv(endpointVariable, defaultEndpoint); err != nil {
			return nil, fmt.Errorf("%s: %w", endpointVariable, err)
		}
	}
	var (
		telemetry Telemetry
		err       error
	)
	if telemetry.traces, err = newTracerProvider(ctx, self); err == nil {
		telemetry.metrics, err = newMeterProvider(ctx, self)
	}
	if err == nil {
		telemetry.logs, err = newLoggerProvider(ctx, self)
	}
	if err != nil {
		return nil, fmt.Errorf("telemetry exporter (see %s): %w", endpointVariable, err)
	}
	otel.SetTracerProvider(telemetry.traces)
	otel.SetMeterProvider(telemetry.metrics)
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(
		propagation.TraceContext{}, propagation.Baggage{},
	))
	if err := runtime.Start(); err != nil {
		return nil, fmt.Errorf("metrics of the Go runtime: %w", err)
	}
	return &telemetry, nil
}

// Shutdown sends what is left of all three, side by side, until ctx ends.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var ending errgroup.Group
	ending.Go(func() error { return t.traces.Shutdown(ctx) })
	ending.Go(func() error { return t.metrics.Shutdown(ctx) })
	ending.Go(func() error { return t.logs.Shutdown(ctx) })
	return ending.Wait()
}

func describe(ctx context.Context, service, version string, console *slog.Logger) *resource.Resource {
	self, err := resource.New(ctx,
		// Whoever starts the service may say which instance it is, to add what it measures from outside.
		resource.WithAttributes(semconv.ServiceInstanceID(uuid.NewString())),
		resource.WithFromEnv(),
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithProcessPID(),
		resource.WithProcessRuntimeName(),
		resource.WithProcessRuntimeVersion(),
		resource.WithProcessRuntimeDescription(),
		resource.WithAttributes(semconv.ServiceName(service), semconv.ServiceVersion(version)),
	)
	if err != nil {
		console.Warn("telemetry says less of this service (see OTEL_RESOURCE_ATTRIBUTES)", "error", err.Error())
	}
	return self
}

// reportSparingly logs what goes wrong with telemetry at most once a minute: an absent collector
// fails every export.
func reportSparingly(console *slog.Logger) otel.ErrorHandlerFunc {
	once := rate.Sometimes{First: 1, Interval: time.Minute}
	return func(err error) {
		once.Do(func() { console.Warn("telemetry fails; calls are not affected", "error", err.Error()) })
	}
}
