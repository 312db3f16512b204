package labs

import (
	"context"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// No call asks for more items.
var nPlusOne = kind{key: "hopwatch.lab.n-plus-one", most: 200}

const extraQueriesAttribute = attribute.Key("hopwatch.lab.extra_queries")

type nPlusOneKey struct{}

// nPlusOneCall is a call that is to ask for up to most items of each batch one by one.
type nPlusOneCall struct {
	span trace.Span
	most int
	// Batches of one call may run side by side.
	mu    sync.Mutex
	extra int
}

func withNPlusOne(ctx context.Context, span trace.Span, most int) context.Context {
	return context.WithValue(ctx, nPlusOneKey{}, &nPlusOneCall{span: span, most: most})
}

// Batches returns the ids as they are to be asked for, a query each: all together or, in a call of
// this lab, one by one.
func Batches(ctx context.Context, ids []string) [][]string {
	singles := singled(ctx, ids)
	batches := slices.Collect(slices.Chunk(singles, 1))
	if rest := ids[len(singles):]; len(rest) > 0 || len(singles) == 0 {
		batches = append(batches, rest)
	}
	count(ctx, len(batches)-1)
	return batches
}

// Again returns those of the ids that are to be asked for once more, one by one, although a query
// gave all of them already: none, except in a call of this lab.
func Again(ctx context.Context, ids []string) []string {
	singles := singled(ctx, ids)
	count(ctx, len(singles))
	return singles
}

func singled(ctx context.Context, ids []string) []string {
	call, asked := ctx.Value(nPlusOneKey{}).(*nPlusOneCall)
	if !asked {
		return nil
	}
	return ids[:min(call.most, len(ids))]
}

func count(ctx context.Context, extra int) {
	call, asked := ctx.Value(nPlusOneKey{}).(*nPlusOneCall)
	if !asked || extra == 0 {
		return
	}
	call.mu.Lock()
	defer call.mu.Unlock()
	call.extra += extra
	call.span.SetAttributes(nameAttribute.String("n-plus-one"), extraQueriesAttribute.Int(call.extra))
}
