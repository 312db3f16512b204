package postgres

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

const (
	// How long an outage may last before calls fail at once instead of waiting for its end.
	outagePatience = 5 * time.Second
	probeInterval  = 50 * time.Millisecond
	probeTimeout   = time.Second
)

// outage is the time in which the server is away. Calls wait for its end together, and one probe
// knocks for all of them:
//
//	server  ====x                          x=====
//	probe        |-x-|-x-|-x-|-x-|-x-|-x-|-ok
//	call a  ----x|...........................|---
//	call b           |.......................|---
//
// Once it has lasted longer than outagePatience, calls fail at once.
type outage struct {
	tracer trace.Tracer
	log    *slog.Logger
	// probe returns nil once the server takes connections.
	probe func(context.Context) error

	mu    sync.Mutex
	since time.Time
	over  chan struct{} // nil while the server is believed to be there
}

// begin starts the outage, unless it is known already, and says so. The probe ends with ctx.
func (o *outage) begin(ctx context.Context, cause error) (began bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over != nil {
		return false
	}
	o.since, o.over = time.Now(), make(chan struct{})
	o.log.Warn("connection to the database lost", "error", cause.Error())
	go o.watch(ctx)
	return true
}

func (o *outage) watch(ctx context.Context) {
	for ctx.Err() == nil && o.knock(ctx) != nil {
		select {
		case <-time.After(probeInterval):
		case <-ctx.Done():
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.over)
	o.over = nil
	if ctx.Err() == nil {
		o.log.Info("the database takes connections", "outage_ms", time.Since(o.since).Milliseconds())
	}
}

func (o *outage) knock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return o.probe(ctx)
}

// wait returns when the server is believed to be there, or errAway, or the error of ctx.
func (o *outage) wait(ctx context.Context) error {
	o.mu.Lock()
	over, since := o.over, o.since
	o.mu.Unlock()
	if over == nil {
		return nil
	}
	// The name says to the ledger that this is waiting, not work.
	ctx, span := o.tracer.Start(ctx, "acquire connection")
	defer span.End()
	patience := time.NewTimer(time.Until(since.Add(outagePatience)))
	defer patience.Stop()
	select {
	case <-over:
		return nil
	case <-patience.C:
		span.SetStatus(codes.Error, errAway.Error())
		return errAway
	case <-ctx.Done():
		span.SetStatus(codes.Error, ctx.Err().Error())
		return ctx.Err()
	}
}
