package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets
var assets embed.FS

// policy lets the page load its own files and talk to its own node, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// handler answers a request of a known role; an error becomes the answer.
type handler func(w http.ResponseWriter, r *http.Request, role Role) error

// routes returns every path of the face.
func (s *Server) routes() (http.Handler, error) {
	m := http.NewServeMux()
	if err := s.mountPage(m); err != nil {
		return nil, err
	}
	m.Handle("/events", s.on("GET", reading, s.events))
	m.Handle("/api/v1/status", s.on("GET", reading, s.status))
	m.Handle("/api/v1/call", s.on("POST", acting, s.call))
	m.Handle("/api/v1/sense", s.on("POST", acting, s.sense))
	m.Handle("/api/v1/pair", s.on("POST", free, s.pair))
	m.Handle("/api/v1/pair/code", s.on("POST", owning, s.pairCode))
	m.Handle("/api/v1/unpair", s.on("POST", owning, s.unpair))
	m.Handle("/metrics", s.on("GET", reading, s.metrics))
	m.Handle("/healthz", s.on("GET", free, s.healthz))
	m.Handle("/readyz", s.on("GET", free, s.readyz))
	if s.cfg.Catalogue != nil {
		m.Handle("/api/v1/tools", s.on("GET", reading, s.tools))
	}
	if s.cfg.Reload != nil {
		m.Handle("/api/v1/plugins/reload", s.on("POST", acting, s.reload))
	}
	s.mountApprovals(m)
	if s.cfg.Witness != nil {
		m.Handle("/api/v1/witness", s.on("GET", acting, s.witnessTail))
		m.Handle("/api/v1/witness/{index}", s.on("GET", acting, s.witnessEntry))
	}
	if s.cfg.MCP != nil {
		m.Handle("/mcp", http.HandlerFunc(s.mcp))
		m.Handle("/mcp/", http.HandlerFunc(s.mcp))
	}
	m.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, fault(NotFound, "", "there is nothing at %.80q", r.URL.Path))
	}))
	return m, nil
}

// on admits a method and a role to h. GET includes HEAD.
func (s *Server) on(method string, need access, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method && (method != http.MethodGet || r.Method != http.MethodHead) {
			w.Header().Set("Allow", method)
			s.fail(w, r, fault(BadMethod, "", "method %.10s: want %s", r.Method, method))
			return
		}
		role, err := s.auth.admit(r, need)
		if err == nil {
			err = h(w, r, role)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	})
}

// mcp hands the request to the mounted handler with the caller's role in its context.
func (s *Server) mcp(w http.ResponseWriter, r *http.Request) {
	need := acting
	if s.cfg.OpenMCP {
		need = reading
	}
	role, err := s.auth.admit(r, need)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	r = withRole(r, max(role, Agent))
	if r.Method == http.MethodGet {
		// A listening stream has no end of its own and must not hold up a stop.
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		r = r.WithContext(ctx)
		go func() {
			select {
			case <-s.hub.done:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	s.cfg.MCP.ServeHTTP(w, r)
}

// outer checks where each request comes from and sets the headers that every answer has.
func (s *Server) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		c := &counted{ResponseWriter: w}
		defer func() { s.answers[c.class()].Add(1) }()
		if err := s.cfg.checkSource(r); err != nil {
			s.fail(c, r, err)
			return
		}
		next.ServeHTTP(c, r)
	})
}

// counted remembers the status of an answer.
type counted struct {
	http.ResponseWriter
	status int
}

func (c *counted) WriteHeader(status int) {
	if c.status == 0 && status >= 200 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	return c.ResponseWriter.Write(b)
}

// Flush is here for mounted handlers that ask for an http.Flusher.
func (c *counted) Flush() { _ = http.NewResponseController(c.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the connection.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counted) class() int {
	if class := c.status / 100; class < 6 {
		return class
	}
	return 0
}

// mountPage serves the page's files under their own names, index.html as "/".
func (s *Server) mountPage(m *http.ServeMux) error {
	files, err := fs.ReadDir(assets, "assets")
	if err != nil {
		return fmt.Errorf("web: page: %w", err)
	}
	for _, f := range files {
		body, err := assets.ReadFile("assets/" + f.Name())
		if err != nil {
			return fmt.Errorf("web: page: %w", err)
		}
		at := "/" + f.Name()
		if f.Name() == "index.html" {
			at = "/{$}"
		}
		m.Handle(at, s.on("GET", free, file(f.Name(), body)))
	}
	return nil
}

// file serves one embedded file; browsers ask each time whether it has changed.
func file(name string, body []byte) handler {
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	kind := mime.TypeByExtension(path.Ext(name))
	if strings.HasSuffix(name, ".js") {
		kind = "text/javascript; charset=utf-8"
	}
	return func(w http.ResponseWriter, r *http.Request, _ Role) error {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
		return nil
	}
}
