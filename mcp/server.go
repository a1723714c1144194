package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// settling is how long an answer over HTTP waits after a notification. The library forwards
// notifications beside the answer and loses one that it has taken up when the answer goes out
// (mark3labs/mcp-go, pull request 969).
const settling = 10 * time.Millisecond

// Server is a node's MCP face. It starts no goroutine before a transport is used.
type Server struct {
	cfg     Config
	node    Node
	log     *slog.Logger
	core    *server.MCPServer
	http    *server.StreamableHTTPServer
	ids     *sessions
	handler http.Handler

	toolsMu sync.Mutex
	offered []Tool                        // the node's tools as last seen, sorted by name
	settle  atomic.Pointer[chan struct{}] // closed when the newest notification has settled

	mu      sync.Mutex
	closed  bool
	running map[*context.CancelFunc]struct{} // requests, streams and stdio connections
	counted int                              // those of them that MaxInFlight bounds
	wg      sync.WaitGroup
}

// New returns a server of n's tools. A nil log discards. It starts nothing.
func New(cfg Config, n Node, log *slog.Logger) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if n == nil {
		return nil, errors.New("mcp: new: the node is nil")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg.withDefaults(), node: n, log: log, running: map[*context.CancelFunc]struct{}{}}
	hooks := &server.Hooks{}
	hooks.AddOnSuccess(func(ctx context.Context, _ any, _ mcp.MCPMethod, _, _ any) { s.waitSettled(ctx) })
	s.core = server.NewMCPServer(s.cfg.Name, s.cfg.Version,
		server.WithInstructions(s.cfg.Instructions),
		server.WithToolCapabilities(true),
		server.WithResourceCapabilities(false, false),
		server.WithHooks(hooks),
	)
	s.addResources()
	s.ToolsChanged()
	s.ids = newSessions(s.cfg.MaxSessions, s.forgetSession)
	s.http = server.NewStreamableHTTPServer(s.core,
		server.WithSessionIdManager(s.ids),
		server.WithDisableLocalhostProtection(true), // Guard is stricter, and knows the configured names
		server.WithStreamableHTTPLogger(log),
	)
	s.handler = Guard(s.cfg.Hosts, bearer(s.cfg.Token, http.HandlerFunc(s.serveHTTP)))
	return s, nil
}

// Handler serves streamable HTTP at whatever path it is mounted.
func (s *Server) Handler() http.Handler { return s.handler }

// Close ends every request, stream and stdio connection and returns when they have ended, which
// takes a Node whose methods heed their context. A second Close is harmless.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for cancel := range s.running {
		(*cancel)()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// begin enters a request, stream or connection that ends with ctx, with end, or with Close.
func (s *Server) begin(ctx context.Context, counts bool) (_ context.Context, end func(), _ *rpcError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, &rpcError{codeBusy, ErrClosed.Error()}
	}
	n := 0
	if counts {
		n = 1
	}
	if counts && s.counted >= s.cfg.MaxInFlight {
		return nil, nil, &rpcError{codeBusy, fmt.Sprintf("busy: %d requests are in flight; try again later", s.counted)}
	}
	ctx, cancel := context.WithCancel(ctx)
	key := &cancel
	s.running[key] = struct{}{}
	s.counted += n
	s.wg.Add(1)
	return ctx, sync.OnceFunc(func() {
		cancel()
		s.mu.Lock()
		delete(s.running, key)
		s.counted -= n
		s.mu.Unlock()
		s.wg.Done()
	}), nil
}

// propose returns the handler of one action.
func (s *Server) propose(name string, in, out *jsonschema.Schema) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		args, err := arguments(req.Params.RawArguments, in)
		if err != nil {
			return undecided(&Failure{Code: "bad_arguments", Message: err.Error()})
		}
		res, err := s.call(ctx, Call{Session: s.session(ctx), Tool: name, Arguments: args})
		if err != nil {
			return nil, err
		}
		return answer(res, out)
	}
}

// call asks the node; a panic of the node is an error of this call alone.
func (s *Server) call(ctx context.Context, c Call) (res Result, err error) {
	defer s.recovered("call "+c.Tool, &err)
	return s.node.Call(ctx, c)
}

func (s *Server) read(ctx context.Context, uri string) (b json.RawMessage, err error) {
	defer s.recovered("read "+uri, &err)
	b, err = s.node.Read(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("mcp: read %.100s: %w", uri, err)
	}
	if b = bytes.TrimSpace(b); !json.Valid(b) {
		return nil, fmt.Errorf("mcp: read %.100s: the node's answer is not JSON", uri)
	}
	return b, nil
}

func (s *Server) recovered(doing string, err *error) {
	if p := recover(); p != nil {
		s.log.Error("panic", "doing", doing, "panic", p, "stack", string(debug.Stack()))
		*err = fmt.Errorf("mcp: %s: internal error", doing)
	}
}

// session names who asks. A stateless HTTP request has no session of its own: all requests with the
// same credential are one, since a name that the client itself could choose would prove nothing.
func (s *Server) session(ctx context.Context) string {
	if cs := server.ClientSessionFromContext(ctx); cs != nil && cs.SessionID() != "" {
		return cs.SessionID()
	}
	return s.cfg.HTTPSession
}

func (s *Server) addResources() {
	const mime = "application/json"
	read := func(ctx context.Context, req mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		uri := req.Params.URI
		if index, ok := strings.CutPrefix(uri, WitnessPrefix); ok {
			n, err := strconv.ParseUint(index, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("mcp: read %.100s: the index is not in 0…18446744073709551615", uri)
			}
			uri = WitnessPrefix + strconv.FormatUint(n, 10)
		}
		b, err := s.read(ctx, uri)
		if err != nil {
			return nil, err
		}
		return []mcp.ResourceContents{mcp.TextResourceContents{URI: req.Params.URI, MIMEType: mime, Text: string(b)}}, nil
	}
	s.core.AddResource(mcp.NewResource(CoherenceURI, "coherence",
		mcp.WithResourceDescription("The state of every field and the margins of its gate."),
		mcp.WithMIMEType(mime)), read)
	s.core.AddResourceTemplate(mcp.NewResourceTemplate(WitnessPrefix+"{index}", "witness",
		mcp.WithTemplateDescription("One record of the node's log, with its proof."),
		mcp.WithTemplateMIMEType(mime)), read)
}

// notifying makes answers wait from now until settling after the returned function was called.
func (s *Server) notifying() (sent func()) {
	done := make(chan struct{})
	s.settle.Store(&done)
	return func() { time.AfterFunc(settling, func() { close(done) }) }
}

func (s *Server) waitSettled(ctx context.Context) {
	p := s.settle.Load()
	if _, stdio := server.ClientSessionFromContext(ctx).(*stdioSession); stdio || p == nil {
		return
	}
	select {
	case <-*p:
	case <-ctx.Done():
	}
}
