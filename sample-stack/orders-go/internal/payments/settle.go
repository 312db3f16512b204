package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/durationpb"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/postgres"
)

const (
	settleInterval = 500 * time.Millisecond
	sweepInterval  = 5 * time.Second
	// Longer than any call may take. A payment of a call that runs still is safe all the same: its
	// order would not be written.
	forgottenAfter = 15 * time.Second
)

const (
	selectUnsettled = `-- SELECT payment_decisions
SELECT payment_id, decision
FROM payment_decisions
WHERE settled_at IS NULL
ORDER BY decided_at
LIMIT $1`

	markSettled = `-- UPDATE payment_decisions
UPDATE payment_decisions
SET settled_at = now()
WHERE payment_id = ANY ($1) AND settled_at IS NULL`

	voidUndecided = `-- INSERT payment_decisions
INSERT INTO payment_decisions (payment_id, decision)
SELECT unnest($1::uuid[]), 'void'
ON CONFLICT (payment_id) DO NOTHING
RETURNING payment_id`
)

// untraced is the parent of what is not to be traced: looking for work is none.
var untraced = trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})

// keepSettling carries out decisions, and decides where that was forgotten, until ctx ends; then
// once more. Several processes may do so side by side: all that they do may be done twice.
func (r *Remote) keepSettling(ctx context.Context) {
	defer close(r.stopped)
	settling, sweeping := time.NewTicker(settleInterval), time.NewTicker(sweepInterval)
	defer settling.Stop()
	defer sweeping.Stop()
	for {
		select {
		case <-settling.C:
			r.report("settling payments", r.settle())
		case <-sweeping.C:
			r.report("looking for forgotten payments", r.sweep(forgottenAfter))
		case <-ctx.Done():
			r.report("settling payments", r.settle())
			return
		}
	}
}

func (r *Remote) report(what string, err error) {
	if err != nil {
		r.log.Warn(what+" failed; it will be tried again", "error", err.Error())
	}
}

// settle carries out the oldest decisions that have not been.
func (r *Remote) settle() error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	unsettled, err := postgres.Select(trace.ContextWithSpanContext(ctx, untraced), r.database,
		pgx.RowToStructByPos[decision], selectUnsettled, maxPayments)
	if err != nil || len(unsettled) == 0 {
		return err
	}
	return r.carryOut(ctx, unsettled)
}

type decision struct {
	Payment uuid.UUID
	Made    string
}

func (r *Remote) carryOut(ctx context.Context, decisions []decision) (err error) {
	ctx, span := otel.Tracer("hopwatch.dev/shop/orders/internal/payments").Start(ctx, "settle payments")
	defer func() {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}()
	request, ids := &shopv1.SettleRequest{}, make([]uuid.UUID, len(decisions))
	for i, decision := range decisions {
		ids[i] = decision.Payment
		if decision.Made == "confirm" {
			request.Confirm = append(request.Confirm, decision.Payment.String())
		} else {
			request.Void = append(request.Void, decision.Payment.String())
		}
	}
	if _, err := r.service.Settle(ctx, request); err != nil {
		return fmt.Errorf("payments: %w", err)
	}
	return r.database.Exec(ctx, markSettled, ids)
}

// sweep gives back payments that are older than age and of which nothing was decided: their orders
// were never written, and now cannot be.
func (r *Remote) sweep(age time.Duration) error {
	ctx, cancel := context.WithTimeout(trace.ContextWithSpanContext(context.Background(), untraced), callTimeout)
	defer cancel()
	unconfirmed, err := r.service.ListUnconfirmed(ctx, &shopv1.ListUnconfirmedRequest{OlderThan: durationpb.New(age)})
	if err != nil {
		return fmt.Errorf("payments: %w", err)
	}
	if len(unconfirmed.GetPaymentIds()) == 0 {
		return nil
	}
	given, err := postgres.Returning(ctx, r.database, pgx.RowTo[uuid.UUID], voidUndecided, unconfirmed.GetPaymentIds())
	if err != nil {
		return err
	}
	if len(given) > 0 {
		r.log.Warn("payments are given back: their orders were never written", "payments", len(given))
	}
	return nil
}
