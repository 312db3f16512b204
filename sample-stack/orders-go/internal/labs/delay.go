package labs

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

var delay = kind{key: "hopwatch.lab.delay", unit: "ms", most: 10_000}

const delayAttribute = attribute.Key("hopwatch.lab.delay_ms")

// sleep waits, or returns earlier with the error of a context that ended.
func sleep(ctx context.Context, span trace.Span, milliseconds int) error {
	span.SetAttributes(nameAttribute.String("delay"), delayAttribute.Int(milliseconds))
	timer := time.NewTimer(time.Duration(milliseconds) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
