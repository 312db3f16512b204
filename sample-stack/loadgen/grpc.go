package main

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// grpcConnections share the calls, as several instances of a client would.
const grpcConnections = 4

var services = map[string]string{
	"ListProducts":   "Catalog",
	"Recommend":      "Catalog",
	"ListCategories": "Catalog",
	"GetStock":       "Stock",
	"PlaceOrder":     "Orders",
	"GetOrder":       "Orders",
}

type grpcTransport struct {
	wire
	conns []*grpc.ClientConn
	next  atomic.Uint64
}

func newGRPC(address string) (*grpcTransport, error) {
	t := &grpcTransport{}
	for range grpcConnections {
		conn, err := grpc.NewClient("passthrough:///"+address,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
				return t.dial(ctx, address)
			}),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(codec{})),
			grpc.WithDisableServiceConfig())
		if err != nil {
			return nil, fmt.Errorf("cannot be asked at %s: %w", address, err)
		}
		t.conns = append(t.conns, conn)
	}
	return t, nil
}

func (t *grpcTransport) send(ctx context.Context, call call) string {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	conn := t.conns[t.next.Add(1)%grpcConnections]
	method := "/hopwatch.shop.v1." + services[call.method] + "/" + call.method
	return statusName(conn.Invoke(ctx, method, call.request, call.answer))
}

func (t *grpcTransport) close() {
	for _, conn := range t.conns {
		conn.Close()
	}
}

func statusName(err error) string { return code.Code(status.Code(err)).String() }

// codec leaves answers alone that nobody reads.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(message any) ([]byte, error) { return proto.Marshal(message.(proto.Message)) }

func (codec) Unmarshal(data []byte, message any) error {
	if answer, ok := message.(proto.Message); ok && answer != nil {
		return proto.Unmarshal(data, answer)
	}
	return nil
}
