package postgres

import (
	"context"
	"strings"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// tracer adds to otelpgx what it does not tell of a statement: its summary, which is the span's
// name too (semantic conventions of database spans), and that preparing is not executing.
type tracer struct{ *otelpgx.Tracer }

func newTracer(config *pgx.ConnConfig) tracer {
	return tracer{otelpgx.NewTracer(
		otelpgx.WithSpanNameFunc(summary),
		// Said here once, instead of copying the whole configuration for every span.
		otelpgx.WithDisableConnectionDetailsInAttributes(),
		otelpgx.WithTracerAttributes(
			semconv.DBNamespace(config.Database),
			semconv.ServerAddress(config.Host),
			semconv.ServerPort(int(config.Port)),
		),
	)}
}

func (t tracer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	ctx = t.Tracer.TraceQueryStart(ctx, conn, data)
	describe(ctx, summary(data.SQL))
	return ctx
}

func (t tracer) TracePrepareStart(ctx context.Context, conn *pgx.Conn, data pgx.TracePrepareStartData) context.Context {
	ctx = t.Tracer.TracePrepareStart(ctx, conn, data)
	describe(ctx, "PREPARE "+summary(data.SQL))
	return ctx
}

// resendCount is what http.request.resend_count is for HTTP; the conventions for databases have no
// such attribute.
const resendCount = attribute.Key("hopwatch.resend_count")

type attemptKey struct{}

// withAttempt marks the statements of a further attempt (1 is the second).
func withAttempt(ctx context.Context, attempt int) context.Context {
	if attempt == 0 {
		return ctx
	}
	return context.WithValue(ctx, attemptKey{}, attempt)
}

func describe(ctx context.Context, summary string) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	operation, _, _ := strings.Cut(summary, " ")
	span.SetName(summary)
	span.SetAttributes(semconv.DBQuerySummary(summary), semconv.DBOperationName(operation))
	if attempt, repeated := ctx.Value(attemptKey{}).(int); repeated {
		span.SetAttributes(resendCount.Int(attempt))
	}
}

// summary of a statement, such as "SELECT products": our statements carry it as a comment in their
// first line, where the server's logs and pg_stat_activity show it too; BEGIN, COMMIT and the like
// are their own.
func summary(sql string) string {
	line, _, _ := strings.Cut(sql, "\n")
	if comment, found := strings.CutPrefix(line, "-- "); found {
		return comment
	}
	operation, _, _ := strings.Cut(line, " ")
	return strings.ToUpper(operation)
}
