package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/postgres"
)

// maxCallTime bounds calls whose client set no deadline, or one far away.
const maxCallTime = 10 * time.Second

func limitTime(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, maxCallTime)
	defer cancel()
	return handle(ctx, request)
}

// chain makes one of all, the first the outermost.
func chain(interceptors []grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		for _, intercept := range slices.Backward(interceptors) {
			next := handle
			handle = func(ctx context.Context, request any) (any, error) { return intercept(ctx, request, info, next) }
		}
		return handle(ctx, request)
	}
}

// endWith ends streams when ctx ends.
func endWith(ctx context.Context) grpc.StreamServerInterceptor {
	return func(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
		limited, cancel := context.WithCancel(stream.Context())
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return handle(service, limitedStream{stream, limited})
	}
}

type limitedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s limitedStream) Context() context.Context { return s.ctx }

// answer turns whatever a handler returns, or panics with, into a status of the contract, and logs
// each call. What the client need not know goes to the log only.
func answer(log *slog.Logger) grpc.UnaryServerInterceptor {
	return func(
		ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
	) (any, error) {
		if strings.HasPrefix(info.FullMethod, "/"+grpc_health_v1.Health_ServiceDesc.ServiceName+"/") {
			return handle(ctx, request)
		}
		start := time.Now()
		response, err := recovered(ctx, request, handle)
		outcome := toStatus(inTime(ctx, err))
		fields := []slog.Attr{
			slog.String("rpc.method", strings.TrimPrefix(info.FullMethod, "/")),
			slog.String("rpc.response.status_code", code.Code(outcome.Code()).String()),
			slog.Float64("duration_ms", float64(time.Since(start).Microseconds())/1000),
		}
		if err != nil {
			fields = append(fields, slog.String("error", err.Error()))
		}
		var cause *panicError
		if errors.As(err, &cause) {
			fields = append(fields, slog.String("stack", cause.stack))
		}
		log.LogAttrs(ctx, level(outcome.Code()), "call", fields...)
		return response, outcome.Err()
	}
}

type panicError struct {
	value any
	stack string
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// recovered calls handle and returns a panic as an error.
func recovered(ctx context.Context, request any, handle grpc.UnaryHandler) (response any, err error) {
	defer func() {
		if value := recover(); value != nil {
			response, err = nil, &panicError{value, string(debug.Stack())}
		}
	}()
	return handle(ctx, request)
}

// deadlineSlack is how much earlier than its deadline, as we know it, a client may leave because of it.
const deadlineSlack = 20 * time.Millisecond

// inTime tells clients that leave at their deadline, a little before we would end, from the others.
func inTime(ctx context.Context, err error) error {
	deadline, limited := ctx.Deadline()
	if limited && time.Until(deadline) < deadlineSlack && errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w (%v)", context.DeadlineExceeded, err)
	}
	return err
}

func toStatus(err error) *status.Status {
	var known interface{ GRPCStatus() *status.Status }
	switch {
	case err == nil:
		return nil
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

// level is how much somebody should look at a call that ended with code.
func level(code codes.Code) slog.Level {
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss, codes.Unavailable:
		return slog.LevelError
	case codes.DeadlineExceeded, codes.ResourceExhausted:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}
