// Package labs injects faults that a request asks for by W3C baggage, so that trainings and tests
// know the truth about a trace. Each lab is a file:
//
//	hopwatch.lab.delay=<service>[/<method>]:<n>ms         the handler sleeps first
//	hopwatch.lab.slow-sql=<service>[/<method>]:<n>ms      the first SELECT is slow inside Postgres
//	hopwatch.lab.n-plus-one=<service>[/<method>]:<k>      one query per item instead of one for all
//
// What was done is recorded on the SERVER span; a malformed request is recorded and has no other
// effect.
package labs

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
)

const (
	nameAttribute  = attribute.Key("hopwatch.lab.name")
	errorAttribute = attribute.Key("hopwatch.lab.error")
)

// fault is what a lab is asked for: a measure, such as 50 (ms), for calls of one service.
type fault struct {
	service string
	// method is the gRPC method or HTTP route; empty: every one.
	method  string
	measure int
}

// kind of a lab: its key in the baggage, and how its measure is written.
type kind struct {
	key, unit string
	most      int
}

// <service.name>[/<gRPC method or HTTP route>]:<measure><unit>
var pattern = regexp.MustCompile(`^([^/:\s]+)(?:/(\S+))?:([1-9][0-9]{0,4})([a-z]*)$`)

// parse reads a value such as "shop-orders/PlaceOrder:50ms".
func (k kind) parse(value string) (fault, error) {
	malformed := fmt.Errorf("%.80q is not <service>[/<method>]:<1..%d>%s", value, k.most, k.unit)
	parts := pattern.FindStringSubmatch(value)
	if parts == nil || parts[4] != k.unit {
		return fault{}, malformed
	}
	measure, err := strconv.Atoi(parts[3])
	if err != nil || measure > k.most {
		return fault{}, malformed
	}
	return fault{service: parts[1], method: parts[2], measure: measure}, nil
}

// matches tells whether the fault is meant for a call of fullMethod ("/package.Service/Method").
func (f fault) matches(service, fullMethod string) bool {
	return f.service == service && (f.method == "" || strings.HasSuffix(fullMethod, "/"+f.method))
}

// asked returns the measure that the baggage of a call asks for; 0: it does not ask this call.
func (k kind) asked(ctx context.Context, service, fullMethod string) int {
	value := baggage.FromContext(ctx).Member(k.key).Value()
	if value == "" {
		return 0
	}
	fault, err := k.parse(value)
	if err != nil {
		trace.SpanFromContext(ctx).SetAttributes(errorAttribute.String(err.Error()))
		return 0
	}
	if !fault.matches(service, fullMethod) {
		return 0
	}
	return fault.measure
}

// UnaryServerInterceptor obeys the faults that are meant for service.
func UnaryServerInterceptor(service string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		span := trace.SpanFromContext(ctx)
		if milliseconds := slowSQL.asked(ctx, service, info.FullMethod); milliseconds > 0 {
			ctx = withSlowSQL(ctx, span, milliseconds)
		}
		if most := nPlusOne.asked(ctx, service, info.FullMethod); most > 0 {
			ctx = withNPlusOne(ctx, span, most)
		}
		if milliseconds := delay.asked(ctx, service, info.FullMethod); milliseconds > 0 {
			if err := sleep(ctx, span, milliseconds); err != nil {
				return nil, err
			}
		}
		return handle(ctx, request)
	}
}
