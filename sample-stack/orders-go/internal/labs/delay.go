// Package labs injects faults that a request asks for by W3C baggage, so that trainings and tests
// know the truth about a trace.
package labs

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
)

const (
	delayKey = "hopwatch.lab.delay"
	maxDelay = 10_000 * time.Millisecond

	nameAttribute  = attribute.Key("hopwatch.lab.name")
	delayAttribute = attribute.Key("hopwatch.lab.delay_ms")
	errorAttribute = attribute.Key("hopwatch.lab.error")
)

// <service.name>[/<gRPC method or HTTP route>]:<milliseconds>ms
var delayPattern = regexp.MustCompile(`^([^/:\s]+)(?:/(\S+))?:([1-9][0-9]{0,4})ms$`)

// Delay asks one service to sleep before it handles a call.
type Delay struct {
	Service string
	// Method is the gRPC method or HTTP route to delay; empty: every one.
	Method   string
	Duration time.Duration
}

// ParseDelay reads the value of hopwatch.lab.delay, such as "shop-orders/PlaceOrder:50ms".
func ParseDelay(value string) (Delay, error) {
	parts := delayPattern.FindStringSubmatch(value)
	if parts == nil {
		return Delay{}, fmt.Errorf("%q is not <service>[/<method>]:<1..10000>ms", value)
	}
	milliseconds, err := strconv.Atoi(parts[3])
	if err != nil {
		return Delay{}, fmt.Errorf("delay %q: %w", value, err)
	}
	duration := time.Duration(milliseconds) * time.Millisecond
	if duration > maxDelay {
		return Delay{}, fmt.Errorf("%q asks for more than %d ms", value, maxDelay.Milliseconds())
	}
	return Delay{Service: parts[1], Method: parts[2], Duration: duration}, nil
}

// matches tells whether the delay is meant for a call of fullMethod ("/package.Service/Method").
func (d Delay) matches(service, fullMethod string) bool {
	return d.Service == service && (d.Method == "" || strings.HasSuffix(fullMethod, "/"+d.Method))
}

// UnaryServerInterceptor obeys the delays that are meant for service, and records on the SERVER
// span what it did. A malformed request for a delay is recorded and has no other effect.
func UnaryServerInterceptor(service string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		asked := baggage.FromContext(ctx).Member(delayKey).Value()
		if asked == "" {
			return handle(ctx, request)
		}
		span := trace.SpanFromContext(ctx)
		delay, err := ParseDelay(asked)
		if err != nil {
			span.SetAttributes(errorAttribute.String(err.Error()))
		} else if delay.matches(service, info.FullMethod) {
			span.SetAttributes(nameAttribute.String("delay"), delayAttribute.Int64(delay.Duration.Milliseconds()))
			if err := sleep(ctx, delay.Duration); err != nil {
				return nil, err
			}
		}
		return handle(ctx, request)
	}
}

// sleep waits, or returns earlier with the error of a context that ended.
func sleep(ctx context.Context, duration time.Duration) error {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
