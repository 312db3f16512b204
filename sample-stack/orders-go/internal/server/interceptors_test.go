package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestTranslateErrors(t *testing.T) {
	fail := func(err error) grpc.UnaryHandler {
		return func(context.Context, any) (any, error) { return nil, err }
	}
	tests := map[string]struct {
		handler grpc.UnaryHandler
		code    codes.Code
		message string
		logged  string
	}{
		"success":  {fail(nil), codes.OK, "", ""},
		"a status": {fail(status.Error(codes.NotFound, "no product p1")), codes.NotFound, "no product p1", ""},
		"a status within an error": {
			fail(fmt.Errorf("price: %w", status.Error(codes.NotFound, "no product p1"))), codes.NotFound, "no product p1", "",
		},
		"deadline":       {fail(fmt.Errorf("query: %w", context.DeadlineExceeded)), codes.DeadlineExceeded, "deadline", ""},
		"client gone":    {fail(fmt.Errorf("query: %w", context.Canceled)), codes.Canceled, "client", ""},
		"database gone":  {fail(fmt.Errorf("query: %w", io.ErrUnexpectedEOF)), codes.Unavailable, "try again", "unexpected EOF"},
		"secret details": {fail(errors.New("password is 123")), codes.Internal, "internal error", "password is 123"},
		"panic": {
			func(context.Context, any) (any, error) { panic("index out of range") },
			codes.Internal, "internal error", "index out of range",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			intercept := translateErrors(slog.New(slog.NewJSONHandler(&log, nil)))
			_, err := intercept(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/shop/Method"}, test.handler)
			got := status.Convert(err)
			if got.Code() != test.code || !strings.Contains(got.Message(), test.message) {
				t.Errorf("got %v", err)
			}
			if test.code == codes.Internal && got.Message() != test.message {
				t.Errorf("the client is told too much: %v", err)
			}
			if (log.Len() > 0) != (test.logged != "") || !strings.Contains(log.String(), test.logged) {
				t.Errorf("logged %q, want %q", log.String(), test.logged)
			}
		})
	}
}

func TestLimitTimeEndsCallsWithoutDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := limitTime(t.Context(), nil, nil, func(ctx context.Context, _ any) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != maxCallTime {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}
