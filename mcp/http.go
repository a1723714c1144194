package mcp

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// serveHTTP bounds a request before the library sees it.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, end, busy := s.begin(r.Context(), true)
	if busy != nil {
		w.Header().Set("Retry-After", "1")
		writeError(w, http.StatusServiceUnavailable, busy)
		return
	}
	defer end()
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic", "doing", "http "+r.Method, "panic", p, "stack", string(debug.Stack()))
			panic(http.ErrAbortHandler) // the answer may be half written: drop the connection, not the node
		}
	}()
	r = r.WithContext(ctx)
	modern := mcp.IsModernProtocol(r.Header.Get(mcp.HeaderProtocolVersion))
	switch r.Method {
	case http.MethodGet:
		if !modern && !s.knownStream(w, r) {
			return
		}
	case http.MethodPost:
		body, env, status, err := s.readMessage(w, r)
		if err != nil {
			writeError(w, status, err)
			return
		}
		// Requests without a session share the library's table of cancellable requests, where one
		// client could name another's. Closing the request is how that revision cancels.
		if modern && env.Method == string(mcp.MethodNotificationCancelled) {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	s.http.ServeHTTP(w, r)
}

// knownStream refuses a notification stream of a session that does not exist.
func (s *Server) knownStream(w http.ResponseWriter, r *http.Request) bool {
	id := r.Header.Get(server.HeaderKeySessionID)
	if id == "" {
		http.Error(w, server.HeaderKeySessionID+" is needed; a POST of initialize returns one", http.StatusBadRequest)
		return false
	}
	if _, err := s.ids.Validate(id); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return false
	}
	return true
}

// readMessage reads a body of at most MaxBody bytes and its envelope, or says with which status to
// refuse it.
func (s *Server) readMessage(w http.ResponseWriter, r *http.Request) ([]byte, envelope, int, *rpcError) {
	tooLarge := &rpcError{codeInvalid, fmt.Sprintf("message: longer than %d bytes", s.cfg.MaxBody)}
	if r.ContentLength > int64(s.cfg.MaxBody) {
		return nil, envelope{}, http.StatusRequestEntityTooLarge, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.cfg.MaxBody)))
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		return nil, envelope{}, http.StatusRequestEntityTooLarge, tooLarge
	case err != nil:
		return nil, envelope{}, http.StatusBadRequest, &rpcError{codeParse, "message: " + err.Error()}
	}
	env, bad := open(body, s.cfg.MaxDepth)
	if bad == nil && env.Method != "" {
		_, bad = env.request()
	}
	return body, env, http.StatusBadRequest, bad
}

func writeError(w http.ResponseWriter, status int, e *rpcError) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(e.frame(nil)) // the client has gone if this fails
}

// forgetSession makes the library drop what it holds for a session, which only a DELETE does.
func (s *Server) forgetSession(id string) {
	r := &http.Request{Method: http.MethodDelete, URL: &url.URL{Path: "/"}, Header: http.Header{}}
	r.Header.Set(server.HeaderKeySessionID, id)
	s.http.ServeHTTP(discard{}, r)
}

// discard is the response of a request that nobody waits for.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// sessions are the HTTP sessions that exist, bounded: a client that never deletes its sessions
// pushes out the least recently used. It is the library's session id manager.
type sessions struct {
	max    int
	forget func(id string)

	mu   sync.Mutex
	tick uint64
	used map[string]uint64 // id -> tick of its last use
}

func newSessions(max int, forget func(id string)) *sessions {
	return &sessions{max: max, forget: forget, used: make(map[string]uint64)}
}

// Generate opens a session; a full table forgets one first.
func (t *sessions) Generate() string {
	id := "http-" + strings.ToLower(rand.Text())
	if old := t.add(id); old != "" {
		t.forget(old)
	}
	return id
}

func (t *sessions) add(id string) (oldest string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.used) >= t.max {
		least := t.tick + 1
		for id, at := range t.used {
			if at < least {
				oldest, least = id, at
			}
		}
		delete(t.used, oldest)
	}
	t.tick++
	t.used[id] = t.tick
	return oldest
}

// Validate reports an error for a session that does not exist, or no longer.
func (t *sessions) Validate(id string) (terminated bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.used[id]; !ok {
		return false, fmt.Errorf("session %.80q: %w", id, ErrNotFound)
	}
	t.tick++
	t.used[id] = t.tick
	return false, nil
}

// Terminate ends a session; ending one that does not exist is harmless.
func (t *sessions) Terminate(id string) (notAllowed bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.used, id)
	return false, nil
}
