package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
)

// Code is an error's class; each has one HTTP status.
type Code string

// The codes.
const (
	Invalid         Code = "invalid"         // 400: a field, value or line is not acceptable
	Unauthenticated Code = "unauthenticated" // 401: no valid token or pairing
	Forbidden       Code = "forbidden"       // 403: a valid caller without this right, or a foreign Host or Origin
	NotFound        Code = "not_found"       // 404
	BadMethod       Code = "bad_method"      // 405
	Conflict        Code = "conflict"        // 409: the question has been answered
	Expired         Code = "expired"         // 410: the question has waited too long
	TooLarge        Code = "too_large"       // 413
	Unsupported     Code = "unsupported"     // 415: content type
	TooMany         Code = "too_many"        // 429
	Internal        Code = "internal"        // 500: the cause is in the node's log
	Unavailable     Code = "unavailable"     // 503: not ready, stopping, or full
	Timeout         Code = "timeout"         // 504
)

var statusOf = map[Code]int{
	Invalid: 400, Unauthenticated: 401, Forbidden: 403, NotFound: 404, BadMethod: 405,
	Conflict: 409, Expired: 410,
	TooLarge: 413, Unsupported: 415, TooMany: 429, Internal: 500, Unavailable: 503, Timeout: 504,
}

// Error is an error as a caller sees it: {"error":{"code","message","field"?}}.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`         // names field, value and accepted range
	Field   string `json:"field,omitempty"` // the field, query parameter or header at fault
}

// Error returns the message with its package.
func (e *Error) Error() string { return fmt.Sprintf("web: %s: %s", e.Code, e.Message) }

// fault returns an Error about one field of a request; field may be empty.
func fault(code Code, field, format string, args ...any) *Error {
	return &Error{Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

// public returns err as its receiver may see it, and whether the cause belongs in the log.
func public(err error) (e *Error, logged bool) {
	if errors.As(err, &e) {
		return e, false
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault(Timeout, "", "the node did not answer in time"), true
	}
	if errors.Is(err, context.Canceled) {
		return fault(Unavailable, "", "the request was given up, or the node is stopping"), false
	}
	return fault(Internal, "", "the node could not do this; its log says why"), true
}

// fail writes err as JSON.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	e, logged := public(err)
	if logged {
		s.log.Error("request failed", slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	status := statusOf[e.Code]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if e.Code == Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer realm="becomingone"`)
	}
	s.answer(w, r, status, struct {
		Error *Error `json:"error"`
	}{e})
}

// answer writes v as one JSON document. A value that cannot be encoded is the node's own fault.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		s.log.Error("answer not encoded", slog.String("path", r.URL.Path), slog.Any("error", err))
		status, b = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer could not be encoded"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(append(b, '\n')); err != nil {
		s.log.Debug("answer not delivered", slog.String("path", r.URL.Path), slog.Any("error", err))
	}
}
