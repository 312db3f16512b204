// Package server runs the gRPC server, and an HTTP server beside it: what every call goes through,
// health, and an orderly stop.
package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc/filters"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"hopwatch.dev/shop/orders/internal/labs"
)

const (
	// The largest request of the contract is far below it.
	maxRequestBytes = 256 << 10
	// Calls that still run get this long to end.
	drainTimeout = 10 * time.Second
)

// Server is the gRPC server with its health service. Register services on it, then Serve.
type Server struct {
	*grpc.Server
	// Health is what it says of itself to all who ask.
	Health *health.Server
	// Intercept is what every call goes through, whatever it comes by.
	Intercept grpc.UnaryServerInterceptor
	drain     time.Duration
	log       *slog.Logger
	// endWatches ends the streams of clients that watch the health; they never end by themselves.
	endWatches context.CancelFunc
}

// New returns the server of the service of that name, without gRPC services. When it is to stop, it
// goes on serving for drain, so that clients can turn elsewhere. labsEnabled lets requests ask for
// faults.
func New(service string, log *slog.Logger, drain time.Duration, labsEnabled bool) *Server {
	interceptors := []grpc.UnaryServerInterceptor{answer(log)}
	if labsEnabled {
		interceptors = append(interceptors, labs.UnaryServerInterceptor(service))
	}
	intercept := chain(append(interceptors, limitTime))
	watching, endWatches := context.WithCancel(context.Background())
	server := &Server{
		Server: grpc.NewServer(
			grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithFilter(filters.Not(filters.HealthCheck())))),
			grpc.UnaryInterceptor(intercept),
			grpc.StreamInterceptor(endWith(watching)),
			grpc.MaxRecvMsgSize(maxRequestBytes),
			grpc.WaitForHandlers(true),
			grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 10 * time.Second}),
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
				MinTime: 10 * time.Second, PermitWithoutStream: true,
			}),
		),
		Health:     health.NewServer(),
		Intercept:  intercept,
		drain:      drain,
		log:        log,
		endWatches: endWatches,
	}
	grpc_health_v1.RegisterHealthServer(server, server.Health)
	return server
}

// Serve answers calls on listener, and requests on web unless that is nil, until ctx ends, and then
// stops in order: health says NOT_SERVING; for the time of the drain all calls are answered still;
// then new ones are refused, running ones end.
//
// Health says nothing of the database: it is the same for all instances, so taking them out would
// make a short absence, which calls are got over, one of the whole service.
func (s *Server) Serve(ctx context.Context, listener net.Listener, web *Web) error {
	for service := range s.GetServiceInfo() {
		s.Health.SetServingStatus(service, grpc_health_v1.HealthCheckResponse_SERVING)
	}
	failed := make(chan error, 2)
	go func() { failed <- explain(s.Server.Serve(listener), listener) }()
	if web != nil {
		go func() { failed <- explain(web.serve(), web.listener) }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.log.Info("draining", "seconds", s.drain.Seconds())
	s.Health.Shutdown()
	if web != nil {
		web.sendAway()
	}
	time.Sleep(s.drain)
	deadline := time.AfterFunc(drainTimeout, func() {
		s.log.Warn("calls cut off: they did not end in time", "timeout", drainTimeout.String())
		s.Stop()
		if web != nil {
			web.server.Close()
		}
	})
	defer deadline.Stop()
	s.endWatches()
	var stopping sync.WaitGroup
	stopping.Go(s.GracefulStop)
	if web != nil {
		stopping.Go(web.stop)
	}
	stopping.Wait()
	return nil
}

func explain(err error, listener net.Listener) error {
	return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
}
