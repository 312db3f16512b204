package postgres_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/postgres"
	"hopwatch.dev/shop/orders/internal/shoptest"
)

func TestOpen(t *testing.T) {
	url := shoptest.NewDatabase(t)
	log := slog.New(slog.DiscardHandler)
	database, err := postgres.Open(t.Context(), url, "test", log)
	if err != nil {
		t.Fatal(err)
	}
	database.Close()
	// What waiting cannot cure is told at once.
	for bad, want := range map[string]string{
		strings.Replace(url, "shop_test_", "absent_", 1): "does not exist",
		"postgres://127.0.0.1:port/shop":                 "DATABASE_URL",
	} {
		if _, err := postgres.Open(t.Context(), bad, "test", log); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", bad, err, want)
		}
	}
}

func TestTransactRepeatsLostRaces(t *testing.T) {
	database := shoptest.Open(t, shoptest.NewDatabase(t))
	deadlock := &pgconn.PgError{Code: "40P01"}
	tests := map[string]struct {
		failures int
		err      error
		attempts int
		want     error
	}{
		"first time":     {0, deadlock, 1, nil},
		"third time":     {2, deadlock, 3, nil},
		"never":          {9, deadlock, 5, deadlock},
		"another reason": {9, io.ErrNoProgress, 1, io.ErrNoProgress},
	}
	for name, test := range tests {
		attempts := 0
		err := database.Transact(t.Context(), func(context.Context, pgx.Tx) error {
			if attempts++; attempts <= test.failures {
				return test.err
			}
			return nil
		})
		if attempts != test.attempts || !errors.Is(err, test.want) {
			t.Errorf("%s: %d attempts, %v", name, attempts, err)
		}
	}
}

// Every attempt is told in the trace, below the same parent.
func TestAttemptsAreTraced(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	otel.SetTracerProvider(provider)
	url := shoptest.NewDatabase(t)
	proxy := shoptest.NewProxy(t, url)
	database := shoptest.Open(t, proxy.URL)
	ctx, parent := provider.Tracer("test").Start(t.Context(), "PlaceOrder")
	proxy.LoseNext(shoptest.LoseCommit)
	err := database.Transact(ctx, func(ctx context.Context, transaction pgx.Tx) error {
		_, err := transaction.Exec(ctx, "-- UPDATE stock_levels\nUPDATE stock_levels SET units = units WHERE product_id = $1", "p00001")
		return err
	})
	parent.End()
	if err != nil {
		t.Fatal(err)
	}
	attempts := map[string][]int64{}
	waits := 0
	for _, span := range spans.Ended() {
		if span.Parent().SpanID() != parent.SpanContext().SpanID() {
			continue
		}
		if span.Name() == "acquire connection" {
			waits++
		}
		if span.SpanKind() == trace.SpanKindClient {
			attempts[span.Name()] = append(attempts[span.Name()], resends(span))
		}
	}
	for _, name := range []string{"BEGIN", "UPDATE stock_levels", "COMMIT"} {
		if got := attempts[name]; len(got) != 2 || got[0] != 0 || got[1] != 1 {
			t.Errorf("%s: resend counts %v, want 0 and 1", name, got)
		}
	}
	if waits > 1 {
		t.Errorf("waited %d times", waits)
	}
}

func resends(span sdktrace.ReadOnlySpan) int64 {
	for _, attribute := range span.Attributes() {
		if attribute.Key == "hopwatch.resend_count" {
			return attribute.Value.AsInt64()
		}
	}
	return 0
}

// When the server stays away, calls are answered in bounded time, and then at once.
func TestLongOutage(t *testing.T) {
	proxy := shoptest.NewProxy(t, shoptest.NewDatabase(t))
	database := shoptest.Open(t, proxy.URL)
	ask := func() (time.Duration, error) {
		start := time.Now()
		_, err := postgres.Select(t.Context(), database, pgx.RowTo[int32], "SELECT 1")
		return time.Since(start), err
	}
	proxy.Down()
	for _, limit := range []time.Duration{7 * time.Second, 100 * time.Millisecond} {
		if took, err := ask(); !postgres.IsUnavailable(err) || took > limit {
			t.Errorf("%v after %v, want it to be unavailable within %v", err, took, limit)
		}
	}
	proxy.Up()
	time.Sleep(500 * time.Millisecond)
	if _, err := ask(); err != nil {
		t.Errorf("after the outage: %v", err)
	}
}

// What waits for a connection for too long is told so, rather than left hanging.
func TestBusyPool(t *testing.T) {
	database := shoptest.Open(t, shoptest.NewDatabase(t)+"&pool_max_conns=1")
	release := make(chan struct{})
	held := make(chan struct{})
	holder := make(chan error, 1)
	go func() {
		holder <- database.Transact(t.Context(), func(context.Context, pgx.Tx) error {
			close(held)
			<-release
			return nil
		})
	}()
	<-held
	start := time.Now()
	_, err := postgres.Select(t.Context(), database, pgx.RowTo[int32], "SELECT 1")
	if status.Code(err) != codes.ResourceExhausted || time.Since(start) > 4*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
	close(release)
	if err := <-holder; err != nil {
		t.Error(err)
	}
}
