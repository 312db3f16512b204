package main

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"
)

// callTimeout is the deadline of every call, which it tells the service too.
const callTimeout = 2 * time.Second

// call is one request of the contract. answer nil: nobody reads the answer.
type call struct {
	method  string
	request proto.Message
	answer  proto.Message
}

// transport asks orders by one protocol. code is "OK", the name of a gRPC status, or what went
// wrong with the connection. Answers are read whole, and parsed only where the call wants them:
// the generator is to cost as little as can be beside the service.
type transport interface {
	send(ctx context.Context, call call) (code string)
	traffic() (sent, received int64)
	close()
}

// wire counts what crosses the connections: headers, frames and compressed headers are in it,
// whatever the protocol; what TCP adds is not.
type wire struct{ sent, received atomic.Int64 }

func (w *wire) traffic() (sent, received int64) { return w.sent.Load(), w.received.Load() }

func (w *wire) dial(ctx context.Context, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &countedConn{conn, w}, nil
}

type countedConn struct {
	net.Conn
	wire *wire
}

func (c *countedConn) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	c.wire.received.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(from []byte) (int, error) {
	n, err := c.Conn.Write(from)
	c.wire.sent.Add(int64(n))
	return n, err
}

// firstAnswer returns once orders has answered a call. It looks for the port again and again,
// so that no client's own patience with new connections is measured.
func firstAnswer(ctx context.Context, to target) error {
	const pause = 2 * time.Millisecond
	for ctx.Err() == nil {
		if conn, err := net.Dial("tcp", to.address); err == nil {
			conn.Close()
			client, err := to.open()
			if err != nil {
				return err
			}
			code := client.send(ctx, listCategories())
			client.close()
			if code == "OK" {
				return nil
			}
		}
		time.Sleep(pause)
	}
	return ctx.Err()
}
