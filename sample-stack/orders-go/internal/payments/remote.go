package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/postgres"
)

// callTimeout bounds one call, with all its attempts.
const callTimeout = 2 * time.Second

// Every call may be sent again. A token bucket keeps retries at about a fifth of the calls; each
// attempt has a span of its own.
const retries = `{
	"methodConfig": [{
		"name": [{"service": "hopwatch.shop.v1.Payments"}],
		"retryPolicy": {
			"maxAttempts": 5, "initialBackoff": "0.05s", "maxBackoff": "0.5s", "backoffMultiplier": 2,
			"retryableStatusCodes": ["UNAVAILABLE"]
		}
	}],
	"retryThrottling": {"maxTokens": 100, "tokenRatio": 0.2}
}`

// By default a restarted service is only found again after seconds.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 300 * time.Millisecond},
	MinConnectTimeout: callTimeout,
}

// Remote is the module to orders, and a client of the service: a payment is held there, and what
// becomes of it is decided here, once, in the database of orders. Decisions are carried out a
// moment later, and again until that has succeeded.
//
//	orders    --Authorise--|==transaction: order, 'confirm'==|          |--Settle--
//	payments     unconfirmed ............................................ authorised
//
// A process that is killed leaves behind a payment without a decision, which a sweep gives back, or
// a decision that is not carried out, which the next process does.
type Remote struct {
	connection *grpc.ClientConn
	service    shopv1.PaymentsClient
	database   *postgres.Database
	log        *slog.Logger
	stop       context.CancelFunc
	stopped    chan struct{}
}

// Connect returns a client of the service at address, which need not be there yet.
func Connect(address string, database *postgres.Database, log *slog.Logger) (*Remote, error) {
	connection, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler()),
		grpc.WithDefaultServiceConfig(retries),
		grpc.WithConnectParams(reconnect),
	)
	if err != nil {
		return nil, fmt.Errorf("payments (see PAYMENTS_ADDRESS): %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &Remote{
		connection: connection, service: shopv1.NewPaymentsClient(connection), database: database, log: log,
		stop: stop, stopped: make(chan struct{}),
	}
	go r.keepSettling(ctx)
	return r, nil
}

// Close carries out what is decided, if that can be done in a moment, and leaves the service.
func (r *Remote) Close() {
	r.stop()
	<-r.stopped
	if err := r.connection.Close(); err != nil {
		r.log.Warn("leaving payments", "error", err.Error())
	}
}

// A decision that is there already stays.
const insertDecision = `-- INSERT payment_decisions
INSERT INTO payment_decisions (payment_id, decision)
VALUES ($1, $2)
ON CONFLICT (payment_id) DO NOTHING
RETURNING payment_id`

// Authorise returns the id of a payment that is held, to Record or Release, or FAILED_PRECONDITION
// if it is declined.
func (r *Remote) Authorise(ctx context.Context, charge Charge) (uuid.UUID, error) {
	calling, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	payment, err := r.service.Authorise(calling, &shopv1.AuthoriseRequest{
		OrderId: charge.OrderID.String(), Amount: charge.Amount.Proto(), CustomerEmail: charge.CustomerEmail,
	})
	if err != nil {
		return uuid.Nil, ours(ctx, err)
	}
	id, err := uuid.Parse(payment.GetId())
	if err != nil {
		return uuid.Nil, fmt.Errorf("payments answered with the id %.60q: %w", payment.GetId(), err)
	}
	return id, nil
}

// Record decides that the payment is taken, as part of the transaction that writes its order. It
// returns UNAVAILABLE if the payment was given back, because the order was long in coming.
func (r *Remote) Record(ctx context.Context, transaction pgx.Tx, payment Payment) error {
	err := transaction.QueryRow(ctx, insertDecision, payment.ID, "confirm").Scan(new(uuid.UUID))
	if errors.Is(err, pgx.ErrNoRows) {
		return &unavailableError{fmt.Errorf("payment %s was given back before its order was written", payment.ID)}
	}
	if err != nil {
		return fmt.Errorf("record payment: %w", err)
	}
	return nil
}

// Release decides that the payment is given back. If its order was written all the same, because
// the answer to its commit was lost, that decision stays.
func (r *Remote) Release(ctx context.Context, payment uuid.UUID) error {
	_, err := postgres.Returning(ctx, r.database, pgx.RowTo[uuid.UUID], insertDecision, payment, "void")
	return err
}

// unavailableError tells the client to try again, and the log why.
type unavailableError struct{ cause error }

func (e *unavailableError) Error() string { return e.cause.Error() }

func (e *unavailableError) GRPCStatus() *status.Status {
	return status.New(codes.Unavailable, "payments cannot answer now; try again")
}

// ours is what an error of payments is to a client of orders. ctx is that of the client's call.
func ours(ctx context.Context, err error) error {
	switch code := status.Code(err); {
	case code == codes.FailedPrecondition || code == codes.ResourceExhausted:
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%w (payments: %v)", ctx.Err(), err)
	case code == codes.Unavailable || code == codes.DeadlineExceeded:
		return &unavailableError{fmt.Errorf("payments: %w", err)}
	default:
		// Their mistake, or ours: no status to pass on.
		return fmt.Errorf("payments: %v", err)
	}
}
