package labs

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"
)

var slowSQL = kind{key: "hopwatch.lab.slow-sql", unit: "ms", most: 10_000}

type slowSQLKey struct{}

// slowSQLCall is a call whose first SELECT is to be slow.
type slowSQLCall struct {
	span         trace.Span
	milliseconds int
	done         atomic.Bool
}

func withSlowSQL(ctx context.Context, span trace.Span, milliseconds int) context.Context {
	return context.WithValue(ctx, slowSQLKey{}, &slowSQLCall{span: span, milliseconds: milliseconds})
}

// SlowDown returns the SELECT statement as it is or, for the first one of a call of this lab, one
// that gives the same rows but takes longer inside Postgres.
func SlowDown(ctx context.Context, sql string, arguments []any) (string, []any) {
	call, asked := ctx.Value(slowSQLKey{}).(*slowSQLCall)
	if !asked || call.done.Swap(true) {
		return sql, arguments
	}
	call.span.SetAttributes(nameAttribute.String("slow-sql"), delayAttribute.Int(call.milliseconds))
	name, body, _ := strings.Cut(sql, "\n")
	// A subquery that depends on no row runs once, however many rows there are.
	slow := fmt.Sprintf("%s\nSELECT * FROM (\n%s\n) AS rows\nWHERE (SELECT pg_sleep($%d)) IS NOT NULL",
		name, body, len(arguments)+1)
	return slow, append(arguments[:len(arguments):len(arguments)], float64(call.milliseconds)/1000)
}
