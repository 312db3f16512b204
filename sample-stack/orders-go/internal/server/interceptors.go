package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/postgres"
)

// maxCallTime bounds calls whose client set no deadline, or one far away.
const maxCallTime = 15 * time.Second

func limitTime(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, maxCallTime)
	defer cancel()
	return handle(ctx, request)
}

// translateErrors turns whatever a handler returns, or panics with, into a status of the contract.
// What the client need not know goes to the log only.
func translateErrors(log *slog.Logger) grpc.UnaryServerInterceptor {
	return func(
		ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
	) (response any, err error) {
		defer func() {
			if cause := recover(); cause != nil {
				log.ErrorContext(ctx, "panic", "method", info.FullMethod,
					"error", fmt.Sprint(cause), "stack", string(debug.Stack()))
				response, err = nil, status.Error(codes.Internal, "internal error")
			}
		}()
		response, err = handle(ctx, request)
		if err == nil {
			return response, nil
		}
		translated := toStatus(err)
		if code := translated.Code(); code == codes.Internal || code == codes.Unavailable {
			log.ErrorContext(ctx, "call failed", "method", info.FullMethod, "code", code.String(), "error", err.Error())
		}
		return nil, translated.Err()
	}
}

func toStatus(err error) *status.Status {
	var known interface{ GRPCStatus() *status.Status }
	switch {
	case errors.As(err, &known):
		return known.GRPCStatus()
	case errors.Is(err, context.DeadlineExceeded):
		return status.New(codes.DeadlineExceeded, "the call took longer than its deadline")
	case errors.Is(err, context.Canceled):
		return status.New(codes.Canceled, "the client has gone")
	case postgres.IsUnavailable(err):
		return status.New(codes.Unavailable, "the database cannot answer now; try again")
	default:
		return status.New(codes.Internal, "internal error")
	}
}
