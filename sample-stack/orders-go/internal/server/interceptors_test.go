package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestAnswer(t *testing.T) {
	fail := func(err error) grpc.UnaryHandler {
		return func(context.Context, any) (any, error) { return nil, err }
	}
	tests := map[string]struct {
		handler grpc.UnaryHandler
		code    codes.Code
		message string
		level   string
		cause   string
	}{
		"success": {fail(nil), codes.OK, "", "INFO", ""},
		"a status": {
			fail(status.Error(codes.NotFound, "no product p1")), codes.NotFound, "no product p1", "INFO", "no product p1",
		},
		"a status within an error": {
			fail(fmt.Errorf("price: %w", status.Error(codes.NotFound, "no product p1"))),
			codes.NotFound, "no product p1", "INFO", "no product p1",
		},
		"deadline": {
			fail(fmt.Errorf("query: %w", context.DeadlineExceeded)), codes.DeadlineExceeded, "deadline", "WARN", "deadline",
		},
		"client gone": {fail(fmt.Errorf("query: %w", context.Canceled)), codes.Canceled, "client", "INFO", "canceled"},
		"database gone": {
			fail(fmt.Errorf("query: %w", io.ErrUnexpectedEOF)), codes.Unavailable, "try again", "ERROR", "unexpected EOF",
		},
		"secret details": {
			fail(errors.New("password is 123")), codes.Internal, "internal error", "ERROR", "password is 123",
		},
		"panic": {
			func(context.Context, any) (any, error) { panic("index out of range") },
			codes.Internal, "internal error", "ERROR", "index out of range",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			intercept := answer(slog.New(slog.NewJSONHandler(&out, nil)))
			_, err := intercept(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/shop.Orders/Method"}, test.handler)
			got := status.Convert(err)
			if got.Code() != test.code || !strings.Contains(got.Message(), test.message) {
				t.Errorf("got %v", err)
			}
			if test.code == codes.Internal && got.Message() != test.message {
				t.Errorf("the client is told too much: %v", err)
			}
			var line struct {
				Level, Error string
				Method       string  `json:"rpc.method"`
				Code         string  `json:"rpc.response.status_code"`
				Duration     float64 `json:"duration_ms"`
			}
			if err := json.Unmarshal(out.Bytes(), &line); err != nil {
				t.Fatalf("not one line of JSON: %v: %s", err, out.String())
			}
			if line.Level != test.level || line.Method != "shop.Orders/Method" || line.Code != code.Code(test.code).String() ||
				line.Duration < 0 || !strings.Contains(line.Error, test.cause) {
				t.Errorf("logged %s", out.String())
			}
		})
	}
}

func TestHealthChecksAreNotLogged(t *testing.T) {
	var out bytes.Buffer
	_, err := answer(slog.New(slog.NewJSONHandler(&out, nil)))(t.Context(), nil,
		&grpc.UnaryServerInfo{FullMethod: "/grpc.health.v1.Health/Check"},
		func(context.Context, any) (any, error) { return nil, nil })
	if err != nil || out.Len() > 0 {
		t.Errorf("%v, logged %s", err, out.String())
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

func TestClientThatLeavesAtItsDeadlineIsLate(t *testing.T) {
	for left, want := range map[time.Duration]codes.Code{
		time.Second: codes.Canceled, time.Millisecond: codes.DeadlineExceeded, 0: codes.DeadlineExceeded,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		_, err := answer(slog.New(slog.DiscardHandler))(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/shop.Orders/Method"},
			func(context.Context, any) (any, error) { return nil, fmt.Errorf("query: %w", context.Canceled) })
		cancel()
		if status.Code(err) != want {
			t.Errorf("%s before its deadline: got %v, want %s", left, err, want)
		}
	}
}
