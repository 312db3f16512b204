package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	logv1 "go.opentelemetry.io/proto/otlp/logs/v1"
	metricv1 "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"hopwatch.dev/shop/orders/internal/config"
	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/shoptest"
)

// Many instances share the process's providers here, so tests that look at telemetry are one.
func TestServiceIsObserved(t *testing.T) {
	sink := startCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+sink.address)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES",
		"deployment.environment.name=test,service.name=overridden,service.instance.id=instance-1")
	service := startService(t, config.Config{
		DatabaseURL: shoptest.NewDatabase(t), RESTListen: freeAddress(t), Version: "1.2.3", Labs: true,
	})
	orders, stock := shopv1.NewOrdersClient(service.connection), shopv1.NewStockClient(service.connection)
	catalog := shopv1.NewCatalogClient(service.connection)
	call := func(number int, lab string, call func(context.Context) error) (traceID string) {
		t.Helper()
		traceID = fmt.Sprintf("%032x", number)
		ctx := metadata.AppendToOutgoingContext(t.Context(),
			"traceparent", "00-"+traceID+"-"+strings.Repeat("cd", 8)+"-01", "baggage", lab)
		if err := call(ctx); err != nil {
			t.Fatal(err)
		}
		return traceID
	}
	delayed := call(1, "hopwatch.lab.delay=shop-orders/PlaceOrder:30ms", func(ctx context.Context) error {
		_, err := orders.PlaceOrder(ctx, orderOfOnePan())
		return err
	})
	slow := call(2, "hopwatch.lab.slow-sql=shop-orders/ListProducts:40ms", func(ctx context.Context) error {
		page, err := catalog.ListProducts(ctx, &shopv1.ListProductsRequest{Category: "Bath"})
		if len(page.GetProducts()) != 24 || page.GetProducts()[0].GetId() > page.GetProducts()[23].GetId() {
			t.Errorf("another page because it is slow: %v", page.GetProducts())
		}
		return err
	})
	oneByOne := call(3, "hopwatch.lab.n-plus-one=shop-orders/GetStock:2", func(ctx context.Context) error {
		levels, err := stock.GetStock(ctx, &shopv1.GetStockRequest{ProductIds: []string{"p00001", "p00002", "p00021"}})
		if len(levels.GetLevels()) != 3 || levels.GetLevels()[2].GetUnits() != 5 {
			t.Errorf("other levels because they are asked for one by one: %v", levels.GetLevels())
		}
		return err
	})
	again := call(4, "hopwatch.lab.n-plus-one=shop-orders/ListProducts:5", func(ctx context.Context) error {
		_, err := catalog.ListProducts(ctx, &shopv1.ListProductsRequest{})
		return err
	})
	unhealthy := call(5, "", func(ctx context.Context) error {
		_, err := grpc_health_v1.NewHealthClient(service.connection).Check(ctx,
			&grpc_health_v1.HealthCheckRequest{Service: "hopwatch.shop.v1.Orders"})
		return err
	})
	byREST := call(6, "hopwatch.lab.delay=shop-orders/GetOrder:20ms", func(ctx context.Context) error {
		code, text := service.get(ctx, t, "/v1/orders/"+uuid.Nil.String())
		if code != http.StatusNotFound || !strings.Contains(text, `"code":"NOT_FOUND"`) {
			t.Errorf("%d: %s", code, text)
		}
		_, _ = service.get(ctx, t, "/readyz")
		return nil
	})
	service.stop(t)

	expectRESTTraced(t, sink, byREST)
	expectOrderTraced(t, sink.spansOf(delayed))
	expectAttributes(t, sink.spansOf(slow)["hopwatch.shop.v1.Catalog/ListProducts"].GetAttributes(),
		map[string]string{"hopwatch.lab.name": "slow-sql", "hopwatch.lab.delay_ms": "40"})
	if took := duration(sink.spansOf(slow)["SELECT products"]); took < 40*time.Millisecond || took > 2*time.Second {
		t.Errorf("the slow statement took %v", took)
	}
	expectAttributes(t, sink.spansOf(oneByOne)["hopwatch.shop.v1.Stock/GetStock"].GetAttributes(),
		map[string]string{"hopwatch.lab.name": "n-plus-one", "hopwatch.lab.extra_queries": "2"})
	expectAttributes(t, sink.spansOf(again)["hopwatch.shop.v1.Catalog/ListProducts"].GetAttributes(),
		map[string]string{"hopwatch.lab.name": "n-plus-one", "hopwatch.lab.extra_queries": "5"})
	if levels, products := sink.count(oneByOne, "SELECT stock_levels"), sink.count(again, "SELECT products"); levels != 3 || products != 6 {
		t.Errorf("%d and %d queries, want 3 and 6", levels, products)
	}
	if len(sink.spansOf(unhealthy)) > 0 || len(sink.logsOf(unhealthy)) > 0 {
		t.Error("health checks are traced or logged")
	}
	expectMetrics(t, sink)
	expectLogs(t, sink.logsOf(delayed), sink.spansOf(delayed)["hopwatch.shop.v1.Orders/PlaceOrder"])
	for _, resource := range sink.resources {
		expectAttributes(t, resource.GetAttributes(), map[string]string{
			"service.name": "shop-orders", "service.version": "1.2.3", "service.instance.id": "instance-1",
			"telemetry.sdk.language": "go", "deployment.environment.name": "test",
			"telemetry.sdk.name": "", "telemetry.sdk.version": "", "host.name": "", "process.pid": "",
			"process.runtime.name": "", "process.runtime.version": "", "process.runtime.description": "",
		})
	}
}

func expectOrderTraced(t *testing.T, spans map[string]*tracev1.Span) {
	t.Helper()
	server := spans["hopwatch.shop.v1.Orders/PlaceOrder"]
	if server == nil || server.GetKind() != tracev1.Span_SPAN_KIND_SERVER {
		t.Fatalf("no SERVER span among %v", spans)
	}
	if took := duration(server); took < 30*time.Millisecond {
		t.Errorf("the call took %v in spite of the delay of 30 ms", took)
	}
	expectAttributes(t, server.GetAttributes(), map[string]string{
		"hopwatch.lab.name": "delay", "hopwatch.lab.delay_ms": "30", "rpc.system.name": "grpc",
		"rpc.method": "hopwatch.shop.v1.Orders/PlaceOrder",
	})
	for _, name := range []string{
		"pool.acquire", "SELECT orders", "SELECT products", "SELECT stock_levels", "BEGIN", "INSERT orders",
		"INSERT payments", "UPDATE stock_levels", "INSERT order_lines", "COMMIT",
	} {
		if span := spans[name]; span == nil || span.GetKind() != tracev1.Span_SPAN_KIND_CLIENT {
			t.Errorf("no CLIENT span %q", name)
		}
	}
	expectAttributes(t, spans["INSERT orders"].GetAttributes(), map[string]string{
		"db.system.name": "postgresql", "db.operation.name": "INSERT", "db.query.summary": "INSERT orders",
		"server.address": "127.0.0.1", "server.port": "", "db.namespace": "", "db.query.text": "",
	})
}

func expectRESTTraced(t *testing.T, sink *collector, traceID string) {
	t.Helper()
	spans := sink.spansOf(traceID)
	server := spans["GET /v1/orders/{id}"]
	if server == nil || server.GetKind() != tracev1.Span_SPAN_KIND_SERVER || duration(server) < 20*time.Millisecond {
		t.Fatalf("no slow SERVER span among %v", spans)
	}
	expectAttributes(t, server.GetAttributes(), map[string]string{
		"http.route": "/v1/orders/{id}", "http.request.method": "GET", "url.path": "/v1/orders/" + uuid.Nil.String(),
		"http.response.status_code": "404", "hopwatch.lab.name": "delay", "hopwatch.lab.delay_ms": "20",
	})
	if query := spans["SELECT orders"]; !bytes.Equal(query.GetParentSpanId(), server.GetSpanId()) {
		t.Errorf("the query is not within the call: %v", spans)
	}
	if spans["GET /readyz"] != nil {
		t.Error("the readiness is traced")
	}
	logs := sink.logsOf(traceID)
	if len(logs) != 1 || !bytes.Equal(logs[0].GetSpanId(), server.GetSpanId()) {
		t.Fatalf("log records %v", logs)
	}
	expectAttributes(t, logs[0].GetAttributes(), map[string]string{
		"rpc.method": "hopwatch.shop.v1.Orders/GetOrder", "rpc.response.status_code": "NOT_FOUND", "duration_ms": "",
	})
}

func expectMetrics(t *testing.T, sink *collector) {
	t.Helper()
	for name, unit := range map[string]string{
		"rpc.server.call.duration": "s", "http.server.request.duration": "s", "go.memory.used": "By", "go.goroutine.count": "{goroutine}",
		"db.client.operation.duration": "s", "db.client.connection.count": "{connection}",
		"db.client.connection.max": "{connection}", "db.client.connection.pending_requests": "{request}",
		"db.client.connection.wait_time": "s", "db.client.connection.use_time": "s",
	} {
		if metric := sink.metrics[name]; metric == nil || metric.GetUnit() != unit {
			t.Errorf("metric %s: got %v, want the unit %s", name, metric, unit)
		}
	}
	calls := sink.metrics["rpc.server.call.duration"].GetHistogram()
	if calls.GetAggregationTemporality() != metricv1.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE {
		t.Errorf("temporality %v", calls.GetAggregationTemporality())
	}
	for _, point := range calls.GetDataPoints() {
		expectAttributes(t, point.GetAttributes(), map[string]string{"rpc.method": "", "rpc.response.status_code": "OK"})
	}
	if methods := len(calls.GetDataPoints()); methods != 3 {
		t.Errorf("%d methods are measured, want 3", methods)
	}
}

func expectLogs(t *testing.T, logs []*logv1.LogRecord, server *tracev1.Span) {
	t.Helper()
	if len(logs) != 1 {
		t.Fatalf("%d log records of one call: %v", len(logs), logs)
	}
	if !bytes.Equal(logs[0].GetSpanId(), server.GetSpanId()) || logs[0].GetSeverityText() != "INFO" {
		t.Errorf("unexpected record %v", logs[0])
	}
	expectAttributes(t, logs[0].GetAttributes(), map[string]string{
		"rpc.method": "hopwatch.shop.v1.Orders/PlaceOrder", "rpc.response.status_code": "OK", "duration_ms": "",
	})
	if strings.Contains(logs[0].String(), "ann@") {
		t.Errorf("personal data in %v", logs[0])
	}
}

func duration(span *tracev1.Span) time.Duration {
	return time.Duration(span.GetEndTimeUnixNano() - span.GetStartTimeUnixNano())
}

func TestStopLetsCallsEnd(t *testing.T) {
	// There is no collector at all.
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	service := startService(t, config.Config{
		DatabaseURL: shoptest.NewDatabase(t), Drain: 300 * time.Millisecond, Labs: true,
	})
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
	// The stream of the health is still open: it must not hold up the stop.
	start := time.Now()
	service.stop(t)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
}

func TestStopLetsRESTCallsEnd(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	service := startService(t, config.Config{
		DatabaseURL: shoptest.NewDatabase(t), RESTListen: freeAddress(t), Drain: 400 * time.Millisecond, Labs: true,
	})
	if code, text := service.get(t.Context(), t, "/readyz"); code != http.StatusOK {
		t.Fatal(text)
	}
	slow := metadata.AppendToOutgoingContext(t.Context(), "baggage", "hopwatch.lab.delay=shop-orders:900ms")
	answered := make(chan int, 1)
	go func() {
		code, _ := service.get(slow, t, "/v1/categories")
		answered <- code
	}()
	time.Sleep(100 * time.Millisecond)
	service.cancel()
	time.Sleep(100 * time.Millisecond)
	response, err := http.Get("http://" + service.rest + "/v1/categories")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || !response.Close {
		t.Errorf("while it drains: %s, connection to be closed: %t", response.Status, response.Close)
	}
	if code, _ := service.get(t.Context(), t, "/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("readiness while it drains: %d", code)
	}
	if code := <-answered; code != http.StatusOK {
		t.Errorf("the call that ran at the signal: %d", code)
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
	rest       string
	cancel     context.CancelFunc
	ended      chan error
}

// startService runs the service on a free port until it is stopped.
func startService(t *testing.T, settings config.Config) *runningService {
	t.Helper()
	settings.Listen = freeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	service := &runningService{rest: settings.RESTListen, cancel: cancel, ended: make(chan error, 1)}
	var log bytes.Buffer
	go func() {
		service.ended <- shopOrders.Run(ctx, settings, &log)
		if t.Failed() {
			t.Logf("the service's log:\n%s", log.String())
		}
	}()
	var err error
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

// get asks by REST, with the headers that are the metadata of ctx.
func (s *runningService) get(ctx context.Context, t *testing.T, path string) (code int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.rest+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	headers, _ := metadata.FromOutgoingContext(ctx)
	for name, values := range headers {
		request.Header.Set(name, values[0])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(body)
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
