package web

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/gate"
)

// fakeApprovals has one question, q-1, and judges everything as held.
type fakeApprovals struct {
	mu       sync.Mutex
	answers  map[string]bool
	by       string
	judged   []JudgeRequest
	sessions []string
}

func (f *fakeApprovals) Questions(int) ([]Question, int) {
	return []Question{{ID: "q-1", Action: "pay", Text: secretText, Session: "s"}}, 1
}

func (f *fakeApprovals) Answer(_ context.Context, req AnswerRequest, by string) (Answered, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if req.ID != "q-1" {
		return Answered{}, fault(NotFound, "id", "no question %q", req.ID)
	}
	if _, ok := f.answers[req.ID]; ok {
		return Answered{}, fault(Conflict, "id", "answered")
	}
	f.answers[req.ID], f.by = *req.Yes, by
	return Answered{Question: Question{ID: req.ID}, Answer: "yes"}, nil
}

func (f *fakeApprovals) Judge(_ context.Context, req JudgeRequest) (Outcome, error) {
	f.judged = append(f.judged, req)
	return Outcome{Verdict: gate.Held, Action: req.Action, Content: []Content{}}, nil
}

func (f *fakeApprovals) CloseSession(_ context.Context, s string) error {
	f.sessions = append(f.sessions, s)
	return nil
}

func approving(t *testing.T) (*Server, *fakeApprovals) {
	f := &fakeApprovals{answers: map[string]bool{}}
	s, _ := newServer(t, func(c *Config) { c.Approvals, c.Judge = f, f })
	return s, f
}

// Questions are listed and answered by the owner alone.
func TestApprovalsAreTheOwners(t *testing.T) {
	s, f := approving(t)
	for _, c := range []struct {
		method, path, body string
		head               []string
		status             int
	}{
		{"GET", "/api/v1/approvals", "", nil, 401},
		{"GET", "/api/v1/approvals", "", []string{asAgent()}, 403},
		{"POST", "/api/v1/approvals", `{"id":"q-1","yes":true}`, nil, 401},
		{"POST", "/api/v1/approvals", `{"id":"q-1","yes":true}`, []string{asAgent()}, 403},
		{"POST", "/api/v1/judge", `{"action":"a","effect":"read"}`, []string{asAgent()}, 403},
		{"POST", "/api/v1/session/close", `{"session":"a"}`, []string{asAgent()}, 403},
		{"DELETE", "/api/v1/approvals", "", []string{asOwner()}, 405},
		{"POST", "/api/v1/approvals", `{"id":"q-1"}`, []string{asOwner()}, 400},
		{"POST", "/api/v1/approvals", `{"yes":true}`, []string{asOwner()}, 400},
		{"POST", "/api/v1/approvals", `{"id":"q-1","yes":"yes"}`, []string{asOwner()}, 400},
		{"POST", "/api/v1/approvals", `{"id":"q-2","yes":true}`, []string{asOwner()}, 404},
		{"POST", "/api/v1/judge", `{"effect":"read"}`, []string{asOwner()}, 400},
		{"POST", "/api/v1/judge", `{"action":"a"}`, []string{asOwner()}, 400},
		{"POST", "/api/v1/judge", `{"action":"a","effect":"huge"}`, []string{asOwner()}, 400},
		{"POST", "/api/v1/session/close", `{}`, []string{asOwner()}, 400},
	} {
		w := ask(s, c.method, c.path, c.body, c.head...)
		require.Equal(t, c.status, w.Code, "%s %s %s %v: %s", c.method, c.path, c.body, c.head, w.Body)
		require.NotContains(t, w.Body.String(), secretText)
	}
	require.Empty(t, f.answers)

	w := ask(s, "GET", "/api/v1/approvals", "", asOwner())
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), secretText)
	require.Equal(t, http.StatusOK, ask(s, "POST", "/api/v1/approvals", `{"id":"q-1","yes":true}`, asOwner()).Code)
	require.Equal(t, "api", f.by)
	require.Equal(t, http.StatusConflict, ask(s, "POST", "/api/v1/approvals", `{"id":"q-1","yes":false}`, asOwner()).Code)
	w = ask(s, "POST", "/api/v1/judge", `{"session":"s","action":"Bash","arguments":{"command":"ls"},"effect":"write"}`, asOwner())
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), `"verdict":"held"`)
	require.Equal(t, gate.Write, f.judged[0].Effect)
	require.Equal(t, http.StatusOK, ask(s, "POST", "/api/v1/session/close", `{"session":"s"}`, asOwner()).Code)
	require.Equal(t, []string{"s"}, f.sessions)
}

// A node without approvals has no such routes.
func TestNoApprovals(t *testing.T) {
	s, _ := newServer(t, nil)
	require.Equal(t, http.StatusNotFound, ask(s, "GET", "/api/v1/approvals", "", asOwner()).Code)
	require.Equal(t, http.StatusNotFound, ask(s, "POST", "/api/v1/judge", `{}`, asOwner()).Code)
}

// Who is not the owner hears that there is a question, and of which action.
func TestQuestionsAreRedacted(t *testing.T) {
	full, open, err := views("question", json.RawMessage(`{"id":"q-1","action":"pay","session":"s","text":"`+secretText+`","arguments":{"to":"`+secretText+`"},"state":"open"}`))
	require.NoError(t, err)
	require.Contains(t, string(full), secretText)
	require.NotContains(t, string(open), secretText)
	require.NotContains(t, string(open), `"s"`)
	require.Contains(t, string(open), `"q-1"`)
}
