package telemetry

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"
)

func TestLoggerAddsTheTrace(t *testing.T) {
	var out bytes.Buffer
	log := Console(&out, "shop-orders").With("method", "GetOrder")
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	log.InfoContext(trace.ContextWithSpanContext(t.Context(), span), "within a call")
	log.Info("outside")
	lines := strings.SplitN(out.String(), "\n", 2)
	for _, want := range []string{`"service":"shop-orders"`, `"method":"GetOrder"`, `"trace_id":"01000000`, `"span_id":"0200000000000000"`} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("%s is not in %s", want, lines[0])
		}
	}
	if strings.Contains(lines[1], "trace_id") {
		t.Errorf("a trace id from nowhere: %s", lines[1])
	}
}

func TestLostTelemetryIsReportedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		report := reportSparingly(slog.New(slog.NewTextHandler(&out, nil)))
		for range 150 {
			report(errors.New("connection refused"))
			time.Sleep(time.Second)
		}
		if got := strings.Count(out.String(), "\n"); got != 3 {
			t.Errorf("%d lines in 150 s, want 3", got)
		}
	})
}
