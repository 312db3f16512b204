package postgres

import (
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// SQLSTATEs, see the PostgreSQL manual, appendix A.
const (
	adminShutdown        = "57P01"
	crashShutdown        = "57P02"
	cannotConnectNow     = "57P03"
	undefinedTable       = "42P01"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	uniqueViolation      = "23505"
)

var (
	errAway = errors.New("the database has been away for too long")
	// A status of its own, for clients do not try again what would make it worse.
	errBusy = status.Error(codes.ResourceExhausted, "all connections to the database are in use")
	// The pool could not connect in time, though it may have more connections.
	errNoAnswer = errors.New("the database does not answer")
)

// IsUnavailable tells whether the same request may succeed a little later: the server is away,
// starting, stopping or full, or the transaction kept losing races.
func IsUnavailable(err error) bool {
	state := sqlState(err)
	return lostRace(err) || lostConnection(err) || errors.Is(err, errAway) ||
		// Class 53 insufficient resources, 57 operator intervention.
		strings.HasPrefix(state, "53") || strings.HasPrefix(state, "57")
}

// IsDuplicate tells whether a row was refused because there is one with the same unique key.
func IsDuplicate(err error) bool { return sqlState(err) == uniqueViolation }

func lostRace(err error) bool {
	state := sqlState(err)
	return state == serializationFailure || state == deadlockDetected
}

// lostConnection tells whether the server is away, or has at least ended this connection.
func lostConnection(err error) bool {
	switch state := sqlState(err); state {
	case "":
	case adminShutdown, crashShutdown, cannotConnectNow:
		return true
	default:
		return strings.HasPrefix(state, "08") // connection exception
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, errNoAnswer) ||
		errors.Is(err, puddle.ErrClosedPool) || pgconn.SafeToRetry(err) ||
		errors.As(err, &connect) || errors.As(err, &network)
}

// sqlState is the SQLSTATE with which the server refused; empty if it did not get to answer.
func sqlState(err error) string {
	if refusal := (*pgconn.PgError)(nil); errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}
