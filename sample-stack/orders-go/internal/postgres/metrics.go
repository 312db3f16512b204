package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/dbconv"
)

// seconds are the buckets that the semantic conventions advise for database clients.
var seconds = metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)

// poolMetrics are the db.client.connection.* metrics of one pool. The tracer of statements brings
// db.client.operation.duration.
type poolMetrics struct {
	name     attribute.Set
	pending  dbconv.ClientConnectionPendingRequests
	timeouts dbconv.ClientConnectionTimeouts
	wait     dbconv.ClientConnectionWaitTime
	use      dbconv.ClientConnectionUseTime
}

func newPoolMetrics(meter metric.Meter, pool *pgxpool.Pool) (*poolMetrics, error) {
	config := pool.Config().ConnConfig
	name := fmt.Sprintf("%s:%d/%s", config.Host, config.Port, config.Database)
	var m poolMetrics
	m.name = attribute.NewSet(semconv.DBClientConnectionPoolName(name))
	errs := make([]error, 5)
	m.pending, errs[0] = dbconv.NewClientConnectionPendingRequests(meter)
	m.timeouts, errs[1] = dbconv.NewClientConnectionTimeouts(meter)
	m.wait, errs[2] = dbconv.NewClientConnectionWaitTime(meter, seconds)
	m.use, errs[3] = dbconv.NewClientConnectionUseTime(meter, seconds)
	errs[4] = observeSize(meter, pool, name)
	return &m, errors.Join(errs...)
}

// observeSize reports how many connections there are, whenever metrics are exported.
func observeSize(meter metric.Meter, pool *pgxpool.Pool, name string) error {
	count, err := dbconv.NewClientConnectionCountObservable(meter)
	if err != nil {
		return err
	}
	limit, err := dbconv.NewClientConnectionMaxObservable(meter)
	if err != nil {
		return err
	}
	of := count.AttrClientConnectionPoolName(name)
	idle := metric.WithAttributes(of, count.AttrClientConnectionState(dbconv.ClientConnectionStateIdle))
	used := metric.WithAttributes(of, count.AttrClientConnectionState(dbconv.ClientConnectionStateUsed))
	_, err = meter.RegisterCallback(func(_ context.Context, observer metric.Observer) error {
		now := pool.Stat()
		observer.ObserveInt64(count.Inst(), int64(now.IdleConns()), idle)
		observer.ObserveInt64(count.Inst(), int64(now.AcquiredConns()), used)
		observer.ObserveInt64(limit.Inst(), int64(now.MaxConns()), metric.WithAttributes(of))
		return nil
	}, count.Inst(), limit.Inst())
	return err
}

// waiting counts a call that asks for a connection; what it returns is called when that has ended.
func (m *poolMetrics) waiting(ctx context.Context) (ended func()) {
	start := time.Now()
	m.pending.AddSet(ctx, 1, m.name)
	return func() {
		m.pending.AddSet(ctx, -1, m.name)
		m.wait.RecordSet(ctx, time.Since(start).Seconds(), m.name)
	}
}

// using measures how long a connection is used; what it returns is called at the end.
func (m *poolMetrics) using(ctx context.Context) (ended func()) {
	start := time.Now()
	return func() { m.use.RecordSet(ctx, time.Since(start).Seconds(), m.name) }
}

func (m *poolMetrics) timedOut(ctx context.Context) { m.timeouts.AddSet(ctx, 1, m.name) }
