package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // exporters may compress
	"google.golang.org/protobuf/types/known/emptypb"
)

// sinkCommand takes telemetry by OTLP and forgets it: services export as ever, and what receives
// costs next to nothing, the same for all.
func sinkCommand(ctx context.Context, words []string) error {
	set := flag.NewFlagSet("sink", flag.ContinueOnError)
	overGRPC := set.String("grpc", "127.0.0.1:4317", "host:port of OTLP over gRPC")
	overHTTP := set.String("http", "127.0.0.1:4318", "host:port of OTLP over HTTP")
	if err := set.Parse(words); err != nil {
		return err
	}
	grpcListener, err := net.Listen("tcp", *overGRPC)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	httpListener, err := net.Listen("tcp", *overHTTP)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	rpc := grpc.NewServer(grpc.ForceServerCodec(codec{}), grpc.UnknownServiceHandler(acceptAll))
	web := &http.Server{Handler: http.HandlerFunc(acceptPost)}
	ended := make(chan error, 2)
	go func() { ended <- rpc.Serve(grpcListener) }()
	go func() { ended <- web.Serve(httpListener) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	rpc.Stop()
	return errors.Join(err, web.Close())
}

// acceptAll answers every call with an empty message: every OTLP answer may be one.
func acceptAll(_ any, stream grpc.ServerStream) error {
	if err := stream.RecvMsg(nil); err != nil {
		return err
	}
	return stream.SendMsg(&emptypb.Empty{})
}

func acceptPost(answer http.ResponseWriter, request *http.Request) {
	if _, err := io.Copy(io.Discard, request.Body); err != nil {
		return
	}
	answer.Header().Set("Content-Type", "application/x-protobuf")
}
