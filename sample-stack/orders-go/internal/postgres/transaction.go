package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/puddle/v2"
)

// Attempts at a transaction that keeps losing races.
const maxAttempts = 4

// Transact runs work in a transaction, and again if it met a deadlock or a serialization failure.
func Transact(ctx context.Context, pool *pgxpool.Pool, work func(pgx.Tx) error) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = 5 * time.Millisecond
	pause.MaxInterval = 100 * time.Millisecond
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := pgx.BeginFunc(ctx, pool, work)
		if err != nil && !lostRace(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(maxAttempts))
	return err
}

func lostRace(err error) bool {
	state := sqlState(err)
	return state == serializationFailure || state == deadlockDetected
}

// IsUnavailable tells whether the same request may succeed a little later: the server is away,
// starting, stopping or full, or the transaction kept losing races.
func IsUnavailable(err error) bool {
	switch state := sqlState(err); {
	case state != "":
		// Classes 08 connection exception, 53 insufficient resources, 57 operator intervention.
		class := state[:2]
		return lostRace(err) || strings.Contains("08 53 57", class)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, puddle.ErrClosedPool):
		return true
	default:
		var connect *pgconn.ConnectError
		var network net.Error
		return errors.As(err, &connect) || errors.As(err, &network)
	}
}
