package labs

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
)

func TestParse(t *testing.T) {
	good := map[string]fault{
		"shop-orders:1ms":                                  {"shop-orders", "", 1},
		"shop-orders/PlaceOrder:50ms":                      {"shop-orders", "PlaceOrder", 50},
		"shop-orders/hopwatch.shop.v1.Stock/GetStock:70ms": {"shop-orders", "hopwatch.shop.v1.Stock/GetStock", 70},
		"shop-bff/api/orders/:id:10000ms":                  {"shop-bff", "api/orders/:id", 10_000},
	}
	for value, want := range good {
		if got, err := delay.parse(value); err != nil || got != want {
			t.Errorf("%q: got %+v, %v; want %+v", value, got, err, want)
		}
	}
	bad := []string{
		"", "50ms", ":50ms", "shop-orders", "shop-orders:0ms", "shop-orders:10001ms", "shop-orders:99999999ms",
		"shop-orders:-5ms", "shop-orders:5s", "shop-orders:5", "shop-orders/:5ms", "shop orders:5ms", "shop-orders:5ms ",
	}
	for _, value := range bad {
		if got, err := delay.parse(value); err == nil {
			t.Errorf("%q: got %+v, want an error", value, got)
		}
	}
	if got, err := nPlusOne.parse("shop-orders/GetStock:24"); err != nil || got.measure != 24 {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, value := range []string{"shop-orders:24ms", "shop-orders:201", "shop-orders:0"} {
		if got, err := nPlusOne.parse(value); err == nil {
			t.Errorf("%q: got %+v, want an error", value, got)
		}
	}
}

func TestDelay(t *testing.T) {
	slept := func(milliseconds int) []attribute.KeyValue {
		return []attribute.KeyValue{nameAttribute.String("delay"), delayAttribute.Int(milliseconds)}
	}
	tests := map[string]struct {
		asked      string
		want       time.Duration
		attributes []attribute.KeyValue
	}{
		"nothing asked":         {"", 0, nil},
		"this service":          {"shop-orders:20ms", 20 * time.Millisecond, slept(20)},
		"this method":           {"shop-orders/PlaceOrder:50ms", 50 * time.Millisecond, slept(50)},
		"this method in full":   {"shop-orders/shop.Orders/PlaceOrder:50ms", 50 * time.Millisecond, slept(50)},
		"another method":        {"shop-orders/GetOrder:50ms", 0, nil},
		"the end of its name":   {"shop-orders/Order:50ms", 0, nil},
		"another service":       {"shop-bff:50ms", 0, nil},
		"malformed is recorded": {"shop-orders:50", 0, []attribute.KeyValue{errorAttribute.String(`"shop-orders:50" is not <service>[/<method>]:<1..10000>ms`)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, attributes, err := intercept(t.Context(), t, test.asked)
				if err != nil || took != test.want {
					t.Errorf("took %v, %v; want %v", took, err, test.want)
				}
				expectRecorded(t, attributes, test.attributes...)
			})
		})
	}
}

func TestDelayGivesUpWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		took, _, err := intercept(ctx, t, "shop-orders:9000ms")
		if err != context.DeadlineExceeded || took != time.Second {
			t.Errorf("got %v after %v, want the deadline's error after 1s", err, took)
		}
	})
}

// intercept sends one call of PlaceOrder with a delay asked for through the interceptor.
func intercept(ctx context.Context, t *testing.T, asked string) (time.Duration, []attribute.KeyValue, error) {
	t.Helper()
	start := time.Now()
	attributes, err := call(ctx, t, delay.key, asked, func(context.Context) {})
	return time.Since(start), attributes, err
}

// call sends one call of PlaceOrder, for which a lab is asked by the baggage, through the
// interceptor, and returns what was recorded on its span.
func call(
	ctx context.Context, t *testing.T, key, asked string, handle func(context.Context),
) ([]attribute.KeyValue, error) {
	t.Helper()
	if asked != "" {
		member, err := baggage.NewMemberRaw(key, asked)
		if err != nil {
			t.Fatal(err)
		}
		bag, err := baggage.New(member)
		if err != nil {
			t.Fatal(err)
		}
		ctx = baggage.ContextWithBaggage(ctx, bag)
	}
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	ctx, span := provider.Tracer("test").Start(ctx, "PlaceOrder")
	_, err := UnaryServerInterceptor("shop-orders")(ctx, nil,
		&grpc.UnaryServerInfo{FullMethod: "/shop.Orders/PlaceOrder"},
		func(ctx context.Context, _ any) (any, error) {
			handle(ctx)
			return nil, nil
		})
	span.End()
	return spans.Ended()[0].Attributes(), err
}

func expectRecorded(t *testing.T, got []attribute.KeyValue, want ...attribute.KeyValue) {
	t.Helper()
	gotSet, wantSet := attribute.NewSet(got...), attribute.NewSet(want...)
	if !gotSet.Equals(&wantSet) {
		t.Errorf("recorded %v, want %v", got, want)
	}
}
