package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// A request's header comes at once; its body and its call have the deadline of all calls.
	headerTimeout = 5 * time.Second
	bodyTimeout   = maxCallTime
	// Longer than clients keep a connection without use, or they would send into its end.
	idleTimeout = 2 * time.Minute
)

// Web is the HTTP server beside the gRPC server.
type Web struct {
	listener net.Listener
	server   *http.Server
	leaving  atomic.Bool
}

// NewWeb returns a server of handler on listener.
func NewWeb(listener net.Listener, handler http.Handler, log *slog.Logger) *Web {
	web := &Web{listener: listener}
	web.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if web.leaving.Load() {
				w.Header().Set("Connection", "close")
			}
			handler.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout + bodyTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return web
}

func (w *Web) serve() error { return w.server.Serve(w.listener) }

// sendAway asks clients, answer by answer, to connect anew: to another instance. Connections that
// are not in use stay open, for a request may be on its way.
func (w *Web) sendAway() { w.leaving.Store(true) }

// stop takes no more connections and returns when the last request has its answer.
func (w *Web) stop() {
	// The context never ends: whoever waits for this closes the server when it takes too long.
	_ = w.server.Shutdown(context.Background())
}
