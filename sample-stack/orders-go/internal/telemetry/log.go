package telemetry

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/trace"
)

// Console writes one JSON object a line, with the service's name and the trace and span that the
// context carries.
func Console(out io.Writer, service string) *slog.Logger {
	return slog.New(traceHandler{slog.NewJSONHandler(out, nil)}).With("service", service)
}

// Logger writes to the console and sends the same by OTLP.
func (t *Telemetry) Logger(console *slog.Logger) *slog.Logger {
	sent := otelslog.NewHandler("hopwatch.dev/shop/orders", otelslog.WithLoggerProvider(t.logs))
	return slog.New(slog.NewMultiHandler(console.Handler(), sent))
}

type traceHandler struct{ slog.Handler }

func (h traceHandler) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record = record.Clone()
		record.AddAttrs(
			slog.String("trace_id", span.TraceID().String()),
			slog.String("span_id", span.SpanID().String()),
		)
	}
	return h.Handler.Handle(ctx, record)
}

func (h traceHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return traceHandler{h.Handler.WithAttrs(attributes)}
}

func (h traceHandler) WithGroup(name string) slog.Handler {
	return traceHandler{h.Handler.WithGroup(name)}
}
