package shoptest

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// Loss is what a Proxy loses at the next COMMIT, together with the connection.
type Loss int

const (
	// LoseCommit drops the COMMIT: the server never hears of it.
	LoseCommit Loss = iota + 1
	// LoseAnswer drops the answer: the server has committed and the client does not know.
	LoseAnswer
)

// Proxy stands between the service and its database server, and can fail.
type Proxy struct {
	// URL names the database by way of the proxy.
	URL string

	t       testing.TB
	server  string
	address string

	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
	next     Loss
}

// NewProxy starts a proxy for the database at url.
func NewProxy(t testing.TB, database string) *Proxy {
	t.Helper()
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &Proxy{t: t, server: address.Host, address: "127.0.0.1:0"}
	proxy.Up()
	address.Host = proxy.address
	parameters := address.Query()
	parameters.Set("sslmode", "disable") // or commits could not be seen
	address.RawQuery = parameters.Encode()
	proxy.URL = address.String()
	t.Cleanup(proxy.Down)
	return proxy
}

// Up takes connections (again).
func (p *Proxy) Up() {
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener, p.address = listener, listener.Addr().String()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.join(client)
		}
	}()
}

// Down ends all connections and refuses new ones.
func (p *Proxy) Down() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener.Close()
	for _, end := range p.open {
		end.Close()
	}
	p.open = nil
}

// LoseNext arms the proxy for one COMMIT.
func (p *Proxy) LoseNext(loss Loss) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = loss
}

// Lost tells whether the loss that was asked for has happened.
func (p *Proxy) Lost() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next == 0
}

func (p *Proxy) join(client net.Conn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		client.Close()
		return
	}
	p.mu.Lock()
	p.open = append(p.open, client, server)
	p.mu.Unlock()
	var loseAnswer atomic.Bool
	go func() {
		defer client.Close()
		relay(server, client, func(message []byte) bool {
			switch p.lossAt(message) {
			case LoseCommit:
				return false
			case LoseAnswer:
				loseAnswer.Store(true)
			}
			return true
		})
		server.Close()
	}()
	go func() {
		defer client.Close()
		relay(client, server, func([]byte) bool { return !loseAnswer.Load() })
	}()
}

func (p *Proxy) lossAt(message []byte) Loss {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !bytes.Contains(message, []byte("commit\x00")) {
		return 0
	}
	loss := p.next
	p.next = 0
	return loss
}

// relay copies until an end closes or pass says no.
func relay(to io.Writer, from io.Reader, pass func([]byte) bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !pass(buffer[:n]) {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
