package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"hopwatch.dev/shop/orders/internal/config"
	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/shoptest"
)

// Many instances share the process's tracer provider here, so tests that look at spans are one.
func TestServiceIsTraced(t *testing.T) {
	sink := startCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+sink.address)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=overridden")
	service := startService(t, config.Config{DatabaseURL: shoptest.NewDatabase(t), Version: "1.2.3", Labs: true})

	traceID := strings.Repeat("ab", 16)
	ctx := metadata.AppendToOutgoingContext(t.Context(),
		"traceparent", "00-"+traceID+"-"+strings.Repeat("cd", 8)+"-01",
		"baggage", "hopwatch.lab.delay=shop-orders/PlaceOrder:30ms")
	if _, err := shopv1.NewOrdersClient(service.connection).PlaceOrder(ctx, orderOfOnePan()); err != nil {
		t.Fatal(err)
	}
	if _, err := grpc_health_v1.NewHealthClient(service.connection).Check(t.Context(),
		&grpc_health_v1.HealthCheckRequest{Service: "hopwatch.shop.v1.Orders"}); err != nil {
		t.Fatal(err)
	}
	service.stop(t)

	spans := sink.spansOf(traceID)
	server := spans["hopwatch.shop.v1.Orders/PlaceOrder"]
	if server == nil || server.GetKind() != tracev1.Span_SPAN_KIND_SERVER {
		t.Fatalf("no SERVER span among %v", spans)
	}
	if took := time.Duration(server.GetEndTimeUnixNano() - server.GetStartTimeUnixNano()); took < 30*time.Millisecond {
		t.Errorf("the call took %v in spite of the delay of 30 ms", took)
	}
	expectAttributes(t, server.GetAttributes(), map[string]string{
		"hopwatch.lab.name": "delay", "hopwatch.lab.delay_ms": "30", "rpc.system.name": "grpc",
		"rpc.method": "hopwatch.shop.v1.Orders/PlaceOrder",
	})
	for _, name := range []string{
		"pool.acquire", "SELECT orders", "SELECT products", "SELECT stock_levels", "INSERT payments",
		"BEGIN", "INSERT orders", "UPDATE stock_levels", "INSERT order_lines", "COMMIT",
	} {
		if span := spans[name]; span == nil || span.GetKind() != tracev1.Span_SPAN_KIND_CLIENT {
			t.Errorf("no CLIENT span %q", name)
		}
	}
	expectAttributes(t, spans["INSERT orders"].GetAttributes(), map[string]string{
		"db.system.name": "postgresql", "db.operation.name": "INSERT", "db.query.summary": "INSERT orders",
		"server.address": "127.0.0.1", "server.port": "", "db.namespace": "", "db.query.text": "",
	})
	expectAttributes(t, sink.resource, map[string]string{
		"service.name": "shop-orders", "service.version": "1.2.3",
		"telemetry.sdk.language": "go", "deployment.environment.name": "test", "service.instance.id": "",
		"telemetry.sdk.name": "", "telemetry.sdk.version": "", "host.name": "", "process.pid": "",
		"process.runtime.name": "", "process.runtime.version": "", "process.runtime.description": "",
	})
	if sink.count("grpc.health.v1.Health/Check") > 0 {
		t.Error("health checks are traced")
	}
}

func TestStopLetsCallsEnd(t *testing.T) {
	// There is no collector at all.
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	service := startService(t, config.Config{DatabaseURL: shoptest.NewDatabase(t), Labs: true})
	health, err := grpc_health_v1.NewHealthClient(service.connection).Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if now, err := health.Recv(); err != nil || now.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Fatalf("health %v, %v", now, err)
	}
	slow := metadata.AppendToOutgoingContext(t.Context(), "baggage", "hopwatch.lab.delay=shop-orders:800ms")
	answered := make(chan error, 1)
	go func() {
		_, err := shopv1.NewOrdersClient(service.connection).PlaceOrder(slow, orderOfOnePan())
		answered <- err
	}()
	time.Sleep(100 * time.Millisecond)
	service.cancel()
	if now, err := health.Recv(); err != nil || now.GetStatus() != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health after the signal: %v, %v", now, err)
	}
	if _, err := shopv1.NewCatalogClient(service.connection).ListCategories(t.Context(), nil); err != nil {
		t.Errorf("a call right after the signal: %v", err)
	}
	if err := <-answered; err != nil {
		t.Errorf("the call that ran at the signal: %v", err)
	}
	if err := service.connection.Close(); err != nil {
		t.Error(err)
	}
	service.stop(t)
}

func TestLabsAreOffUnlessSwitchedOn(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	service := startService(t, config.Config{DatabaseURL: shoptest.NewDatabase(t)})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "baggage", "hopwatch.lab.delay=shop-orders:9000ms")
	if _, err := shopv1.NewOrdersClient(service.connection).PlaceOrder(ctx, orderOfOnePan()); err != nil {
		t.Error(err)
	}
	service.stop(t)
}

func orderOfOnePan() *shopv1.PlaceOrderRequest {
	return &shopv1.PlaceOrderRequest{
		IdempotencyKey: uuid.NewString(), CustomerEmail: "ann@example.com",
		Lines:         []*shopv1.OrderLine{{ProductId: "p00001", Quantity: 1}},
		ExpectedTotal: &shopv1.Money{Currency: "EUR", MinorUnits: 5790},
	}
}

type runningService struct {
	connection *grpc.ClientConn
	cancel     context.CancelFunc
	ended      chan error
}

// startService runs the service on a free port until it is stopped.
func startService(t *testing.T, settings config.Config) *runningService {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	settings.Listen = free.Addr().String()
	free.Close()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	service := &runningService{cancel: cancel, ended: make(chan error, 1)}
	var log bytes.Buffer
	go func() {
		service.ended <- run(ctx, settings, slog.New(slog.NewJSONHandler(&log, nil)))
		if t.Failed() {
			t.Logf("the service's log:\n%s", log.String())
		}
	}()
	service.connection, err = grpc.NewClient(settings.Listen,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.connection.Close() })
	ready, stopWaiting := context.WithTimeout(t.Context(), 10*time.Second)
	defer stopWaiting()
	if _, err := grpc_health_v1.NewHealthClient(service.connection).Check(ready, nil); err != nil {
		t.Fatalf("the service did not start: %v", err)
	}
	return service
}

func (s *runningService) stop(t *testing.T) {
	t.Helper()
	s.cancel()
	select {
	case err := <-s.ended:
		if err != nil {
			t.Errorf("the service ended with %v", err)
		}
	case <-time.After(drainLimit):
		t.Fatal("the service did not stop")
	}
}

// drainLimit is more than any orderly stop may take.
const drainLimit = 15 * time.Second
