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

func TestParseDelay(t *testing.T) {
	good := map[string]Delay{
		"shop-orders:1ms":                                  {"shop-orders", "", time.Millisecond},
		"shop-orders/PlaceOrder:50ms":                      {"shop-orders", "PlaceOrder", 50 * time.Millisecond},
		"shop-orders/hopwatch.shop.v1.Stock/GetStock:70ms": {"shop-orders", "hopwatch.shop.v1.Stock/GetStock", 70 * time.Millisecond},
		"shop-bff/api/orders/:id:10000ms":                  {"shop-bff", "api/orders/:id", 10 * time.Second},
	}
	for value, want := range good {
		if got, err := ParseDelay(value); err != nil || got != want {
			t.Errorf("%q: got %+v, %v; want %+v", value, got, err, want)
		}
	}
	bad := []string{
		"", "50ms", ":50ms", "shop-orders", "shop-orders:0ms", "shop-orders:10001ms", "shop-orders:99999999ms",
		"shop-orders:-5ms", "shop-orders:5s", "shop-orders:5", "shop-orders/:5ms", "shop orders:5ms", "shop-orders:5ms ",
	}
	for _, value := range bad {
		if got, err := ParseDelay(value); err == nil {
			t.Errorf("%q: got %+v, want an error", value, got)
		}
	}
}

func TestInterceptor(t *testing.T) {
	slept := func(milliseconds int64) []attribute.KeyValue {
		return []attribute.KeyValue{nameAttribute.String("delay"), delayAttribute.Int64(milliseconds)}
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
				got, want := attribute.NewSet(attributes...), attribute.NewSet(test.attributes...)
				if !got.Equals(&want) {
					t.Errorf("attributes %v, want %v", attributes, test.attributes)
				}
			})
		})
	}
}

func TestInterceptorGivesUpWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		took, _, err := intercept(ctx, t, "shop-orders:9000ms")
		if err != context.DeadlineExceeded || took != time.Second {
			t.Errorf("got %v after %v, want the deadline's error after 1s", err, took)
		}
	})
}

// intercept sends one call of PlaceOrder with the baggage given through the interceptor.
func intercept(ctx context.Context, t *testing.T, asked string) (time.Duration, []attribute.KeyValue, error) {
	t.Helper()
	if asked != "" {
		member, err := baggage.NewMemberRaw(delayKey, asked)
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
	start := time.Now()
	_, err := UnaryServerInterceptor("shop-orders")(ctx, nil,
		&grpc.UnaryServerInfo{FullMethod: "/shop.Orders/PlaceOrder"},
		func(context.Context, any) (any, error) { return nil, nil })
	took := time.Since(start)
	span.End()
	return took, spans.Ended()[0].Attributes(), err
}
