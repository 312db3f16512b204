package postgres

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"hopwatch.dev/shop/orders/internal/labs"
)

const (
	// Attempts at one query or transaction. An outage costs one, however long: see outage.
	maxAttempts = 5
	// How long a call waits for a connection while others use them all.
	acquireTimeout = 2 * time.Second
)

// Database runs queries and transactions, and runs them again if the connection was lost or they
// lost a race, within the deadline of the call and the budget for retries. The spans of a further
// attempt have the same parent and say which attempt it is.
type Database struct {
	pool    *pgxpool.Pool
	outage  *outage
	retries *budget
	metrics *poolMetrics
	// alive ends with Close.
	alive context.Context
	end   context.CancelFunc
}

// Select returns the rows that a statement without side effects gives.
func Select[T any](
	ctx context.Context, d *Database, scan pgx.RowToFunc[T], sql string, arguments ...any,
) ([]T, error) {
	sql, arguments = labs.SlowDown(ctx, sql, arguments)
	return Returning(ctx, d, scan, sql, arguments...)
}

// Returning returns the rows that a statement gives which may be run twice.
func Returning[T any](
	ctx context.Context, d *Database, scan pgx.RowToFunc[T], sql string, arguments ...any,
) (all []T, err error) {
	err = d.repeat(ctx, func(ctx context.Context, connection *pgxpool.Conn) error {
		rows, err := connection.Query(ctx, sql, arguments...)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, scan)
		return err
	})
	return all, err
}

// SelectByID returns the rows of the ids, which the statement takes as an array in $1.
func SelectByID[T any](
	ctx context.Context, d *Database, scan pgx.RowToFunc[T], sql string, ids []string,
) (all []T, err error) {
	for _, batch := range labs.Batches(ctx, ids) {
		rows, err := Select(ctx, d, scan, sql, batch)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// Transact runs work in a transaction. If the connection is lost at the commit, nobody knows
// whether it was done; work runs again all the same, so it must begin with a row of a unique key
// that was chosen before: the second one meets the first (IsDuplicate).
func (d *Database) Transact(ctx context.Context, work func(context.Context, pgx.Tx) error) error {
	return d.repeat(ctx, func(ctx context.Context, connection *pgxpool.Conn) error {
		return pgx.BeginFunc(ctx, connection, func(transaction pgx.Tx) error { return work(ctx, transaction) })
	})
}

// Exec runs a statement that may be run twice.
func (d *Database) Exec(ctx context.Context, sql string, arguments ...any) error {
	return d.repeat(ctx, func(ctx context.Context, connection *pgxpool.Conn) error {
		_, err := connection.Exec(ctx, sql, arguments...)
		return err
	})
}

// Close waits until no connection is in use, and closes all.
func (d *Database) Close() {
	d.end()
	d.pool.Close()
}

func (d *Database) repeat(ctx context.Context, work func(context.Context, *pgxpool.Conn) error) error {
	d.retries.earn()
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = 5 * time.Millisecond
	pause.MaxInterval = 200 * time.Millisecond
	attempt := 0
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := d.attempt(withAttempt(ctx, attempt), work)
		attempt++
		if err != nil && !d.mayRepeat(ctx, err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(maxAttempts))
	return err
}

func (d *Database) attempt(ctx context.Context, work func(context.Context, *pgxpool.Conn) error) error {
	if err := d.outage.wait(ctx); err != nil {
		return err
	}
	connection, err := d.acquire(ctx)
	if err != nil {
		return err
	}
	defer d.metrics.using(ctx)()
	defer connection.Release()
	return work(ctx, connection)
}

func (d *Database) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	defer d.metrics.waiting(ctx)()
	waiting, cancel := context.WithTimeoutCause(ctx, acquireTimeout, errBusy)
	defer cancel()
	connection, err := d.pool.Acquire(waiting)
	if err == nil || context.Cause(waiting) != errBusy {
		return connection, err
	}
	d.metrics.timedOut(ctx)
	if use := d.pool.Stat(); use.AcquiredConns() < use.MaxConns() {
		return nil, errNoAnswer
	}
	return nil, errBusy
}

// mayRepeat tells whether another attempt may do better and can be afforded.
func (d *Database) mayRepeat(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if lostConnection(err) {
		if d.outage.begin(d.alive, err) {
			// The other connections are as dead, most likely: nobody should have to find out.
			d.pool.Reset()
		}
	} else if !lostRace(err) {
		return false
	}
	return d.retries.spend()
}
