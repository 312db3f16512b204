// Package telemetry sets tracing and logging up. Losing telemetry never fails a request.
package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// ServiceName is what the service calls itself in traces, logs and labs.
const ServiceName = "shop-orders"

const (
	defaultEndpoint = "http://127.0.0.1:4317"
	// Spans are on their way to whoever looks at them within a second.
	batchDelay = time.Second
	// Enough for a burst of a few thousand requests; beyond it spans are dropped, not requests.
	maxQueuedSpans = 16384
)

// A collector that comes back is used again within seconds; the libraries' own pauses grow to minutes.
var (
	retry = otlptracegrpc.RetryConfig{
		Enabled: true, InitialInterval: 500 * time.Millisecond, MaxInterval: 5 * time.Second, MaxElapsedTime: time.Minute,
	}
	reconnect = grpc.ConnectParams{
		Backoff: backoff.Config{
			BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second,
		},
		MinConnectTimeout: 5 * time.Second,
	}
)

// Start installs the tracer provider and the propagators (W3C trace context and baggage). It does
// not wait for the collector. The returned provider must be shut down to send the last spans.
func Start(ctx context.Context, version string, log *slog.Logger) (*sdktrace.TracerProvider, error) {
	otel.SetErrorHandler(reportSparingly(log))
	otel.SetLogger(logr.FromSlogHandler(log.Handler()))
	self, err := resource.New(ctx,
		resource.WithFromEnv(),
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithProcessPID(),
		resource.WithProcessRuntimeName(),
		resource.WithProcessRuntimeVersion(),
		resource.WithProcessRuntimeDescription(),
		resource.WithAttributes(
			semconv.ServiceName(ServiceName),
			semconv.ServiceVersion(version),
			semconv.ServiceInstanceID(uuid.NewString()),
		),
	)
	if err != nil {
		log.Warn("telemetry says less of this service (see OTEL_RESOURCE_ATTRIBUTES)", "error", err.Error())
	}
	options := []otlptracegrpc.Option{
		otlptracegrpc.WithRetry(retry),
		otlptracegrpc.WithDialOption(grpc.WithConnectParams(reconnect)),
	}
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" {
		options = append(options, otlptracegrpc.WithEndpointURL(defaultEndpoint))
	}
	exporter, err := otlptracegrpc.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("telemetry exporter (see OTEL_EXPORTER_OTLP_ENDPOINT): %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(self),
		sdktrace.WithBatcher(exporter,
			sdktrace.WithBatchTimeout(batchDelay),
			sdktrace.WithMaxQueueSize(maxQueuedSpans),
		),
	)
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(
		propagation.TraceContext{}, propagation.Baggage{},
	))
	return provider, nil
}

// reportSparingly logs what goes wrong with telemetry at most once a minute: an absent collector
// fails every export.
func reportSparingly(log *slog.Logger) otel.ErrorHandlerFunc {
	once := rate.Sometimes{First: 1, Interval: time.Minute}
	return func(err error) {
		once.Do(func() { log.Warn("telemetry fails; calls are not affected", "error", err.Error()) })
	}
}
