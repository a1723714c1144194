// Package web is the node's HTTP face: the page, the event stream, the API and what is mounted
// beside them.
//
// # Who may do what
//
//	nobody  GET /, /events, /api/v1/status, /api/v1/tools, /metrics, redacted, and only on loopback
//	agent   and POST /api/v1/call, /api/v1/sense (untrusted), GET /api/v1/witness (no payloads), /mcp
//	owner   and trusted input, reasons, payloads, /api/v1/approvals, POST /api/v1/judge,
//	        /api/v1/session/close, /api/v1/pair/code
//
// A program proves a role by "Authorization: Bearer TOKEN". A browser becomes Owner by a pairing link
// (PairURL): POST /api/v1/pair exchanges its code for an HttpOnly, SameSite=Strict cookie and a
// second secret that the page sends as X-BecomingOne-CSRF; only both together count. What nobody
// and agents read holds numbers, names and verdicts, never arguments, input or error texts.
//
// Every request's Host must be this node's and its Origin, if any, the node's own: a page on the
// internet cannot reach a node through its visitor's browser. Other users of the same machine can
// read the redacted state; Config.RequireToken ends that.
//
// # Answers
//
// JSON; an error is {"error":{"code","message","field"?}} with the status of its Code. A verdict of
// the gate is never an HTTP error. /events sends the events field, decision, action, question, plugin,
// hook, log and status, each with one JSON object of this package; live {} after what is replayed, and gap
// {"missed"} after a loss.
package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// stopGrace is how long running requests may take to end when the server stops.
const stopGrace = 5 * time.Second

// Server serves the node over HTTP. Its methods are safe for concurrent use.
type Server struct {
	cfg     Config
	node    Node
	log     *slog.Logger
	auth    *auth
	hub     *hub
	handler http.Handler
	answers [6]atomic.Uint64 // by class of status; [0] is none of them
}

// New returns a server that serves nothing yet. A nil log discards.
func New(cfg Config, n Node, log *slog.Logger) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if n == nil {
		return nil, errors.New("web: new server: node is nil")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, node: n, log: log, auth: newAuth(cfg), hub: newHub(rand.Text()[:8], cfg)}
	routes, err := s.routes()
	if err != nil {
		return nil, err
	}
	s.handler = s.outer(routes)
	return s, nil
}

// Handler returns the whole face: checks, headers and routes.
func (s *Server) Handler() http.Handler { return s.handler }

// Publish sends an event to every open stream and keeps it for those that come. event is field,
// decision, action, plugin, hook, log or status; data its JSON (Field, Decision, Ran, Plugin, Hook,
// Log, Status), which the server reads and does not keep. It never waits for a client.
func (s *Server) Publish(event string, data json.RawMessage) error { return s.hub.publish(event, data) }

// Serve answers on ln until ctx ends, then closes the event streams and lets running requests end
// within 5 seconds. It closes ln and returns nil after a clean stop.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	tls, err := s.cfg.tls()
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := &http.Server{
		Handler: s.handler, TLSConfig: tls, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return base },
	}
	done := make(chan error, 1)
	go func() {
		if tls != nil {
			done <- srv.ServeTLS(ln, "", "")
			return
		}
		done <- srv.Serve(ln)
	}()
	select {
	case err := <-done:
		s.hub.close()
		return fmt.Errorf("web: serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	s.hub.close()
	grace, stop := context.WithTimeout(base, stopGrace)
	defer stop()
	if err := srv.Shutdown(grace); err != nil {
		s.log.Warn("requests cut off at stop", slog.Any("error", err))
		cancel()
		if err := srv.Close(); err != nil {
			return fmt.Errorf("web: close %s: %w", ln.Addr(), err)
		}
	}
	<-done
	return nil
}

// Close ends every event stream and refuses new ones. A second Close is harmless.
func (s *Server) Close() error {
	s.hub.close()
	return nil
}
