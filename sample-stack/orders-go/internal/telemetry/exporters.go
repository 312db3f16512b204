package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

const (
	// Spans and logs are on their way to whoever looks at them within a second.
	batchDelay = time.Second
	// Enough for a burst of a thousand requests and more; beyond it telemetry is dropped, not requests.
	maxQueuedSpans = 16384
	maxQueuedLogs  = 4096 // room for each is taken from the start
	metricInterval = 5 * time.Second
)

// A collector that comes back is used again within seconds; the libraries' own pauses grow to minutes.
var (
	retry = otlptracegrpc.RetryConfig{
		Enabled: true, InitialInterval: 500 * time.Millisecond, MaxInterval: 5 * time.Second, MaxElapsedTime: time.Minute,
	}
	reconnect = grpc.WithConnectParams(grpc.ConnectParams{
		Backoff: backoff.Config{
			BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second,
		},
		MinConnectTimeout: 5 * time.Second,
	})
)

func newTracerProvider(ctx context.Context, self *resource.Resource) (*sdktrace.TracerProvider, error) {
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithRetry(retry), otlptracegrpc.WithDialOption(reconnect))
	if err != nil {
		return nil, err
	}
	return sdktrace.NewTracerProvider(
		sdktrace.WithResource(self),
		sdktrace.WithBatcher(exporter,
			sdktrace.WithBatchTimeout(batchDelay),
			sdktrace.WithMaxQueueSize(maxQueuedSpans),
		),
	), nil
}

func newMeterProvider(ctx context.Context, self *resource.Resource) (*sdkmetric.MeterProvider, error) {
	// Metrics that were not taken are not sent again: the next ones, five seconds later, say the same and more.
	exporter, err := otlpmetricgrpc.New(ctx,
		otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{Enabled: false}),
		otlpmetricgrpc.WithDialOption(reconnect),
	)
	if err != nil {
		return nil, err
	}
	return sdkmetric.NewMeterProvider(
		sdkmetric.WithResource(self),
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter,
			sdkmetric.WithInterval(metricInterval),
			sdkmetric.WithTimeout(metricInterval),
		)),
	), nil
}

func newLoggerProvider(ctx context.Context, self *resource.Resource) (*sdklog.LoggerProvider, error) {
	exporter, err := otlploggrpc.New(ctx,
		otlploggrpc.WithRetry(otlploggrpc.RetryConfig(retry)),
		otlploggrpc.WithDialOption(reconnect),
	)
	if err != nil {
		return nil, err
	}
	return sdklog.NewLoggerProvider(
		sdklog.WithResource(self),
		sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter,
			sdklog.WithExportInterval(batchDelay),
			sdklog.WithMaxQueueSize(maxQueuedLogs),
		)),
	), nil
}
