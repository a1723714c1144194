package web

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/becomingone/becomingone/kernel/gate"
)

// approvalsMost is how many questions one answer lists: the newest.
const approvalsMost = 1000

// Approvals are the questions about held calls: /api/v1/approvals, for the owner alone. Its errors reach
// the caller as those of Node do.
type Approvals interface {
	// Questions returns the newest n that wait, oldest first, and how many wait in all.
	Questions(n int) (list []Question, open int)
	// Answer takes the user's word; by names the way that it came. It executes nothing.
	Answer(ctx context.Context, req AnswerRequest, by string) (Answered, error)
}

// Judge is the gate alone, for tools that somebody else executes: /api/v1/judge and /api/v1/session/close,
// for the owner alone.
type Judge interface {
	// Judge answers as Node.Call does, and executes nothing.
	Judge(ctx context.Context, req JudgeRequest) (Outcome, error)
	// CloseSession forgets what was said and asked in a session.
	CloseSession(ctx context.Context, session string) error
}

// Question waits for the user's answer: in Status, and the payload of the event "question". Only ID, At,
// Action, ExpiresAt and State are for everybody.
type Question struct {
	ID             string          `json:"id"`
	At             int64           `json:"at"`         // ns since 1970
	ExpiresAt      int64           `json:"expires_at"` // ns since 1970; after it the answer is no
	Action         string          `json:"action"`
	Effect         gate.Effect     `json:"effect,omitzero"`
	Session        string          `json:"session,omitempty"`
	Arguments      json.RawMessage `json:"arguments,omitempty"`       // left out where they are longer than 8 KiB
	ArgumentsBytes int             `json:"arguments_bytes,omitempty"` // their length
	Text           string          `json:"text,omitempty"`            // why the call was held
	WitnessIndex   uint64          `json:"witness_index,omitempty"`   // of the question's own record
	State          string          `json:"state,omitempty"`           // open, yes, no or expired
}

func (q Question) forAll() Question {
	return Question{ID: q.ID, At: q.At, ExpiresAt: q.ExpiresAt, Action: q.Action, State: q.State}
}

// AnswerRequest is the body of POST /api/v1/approvals.
type AnswerRequest struct {
	ID  string `json:"id"`
	Yes *bool  `json:"yes"` // required: a forgotten one is neither
}

// Answered is what an answer led to.
type Answered struct {
	Question     Question `json:"question"`
	Answer       string   `json:"answer"`               // yes or no
	ExpiresAt    int64    `json:"expires_at,omitempty"` // ns since 1970: how long a yes waits for its call
	WitnessIndex uint64   `json:"witness_index"`        // of the answer's record
}

// JudgeRequest is the body of POST /api/v1/judge.
type JudgeRequest struct {
	Session   string          `json:"session,omitempty"`
	Action    string          `json:"action"`
	Arguments json.RawMessage `json:"arguments,omitempty"` // a JSON object; "{}" when left out
	Effect    gate.Effect     `json:"effect"`              // what the tool can do, unless the config classes it
}

// mountApprovals adds the routes that the owner answers and judges by.
func (s *Server) mountApprovals(m *http.ServeMux) {
	if s.cfg.Approvals != nil {
		list, answer := s.on("GET", owning, s.questions), s.on("POST", owning, s.answerQuestion)
		m.HandleFunc("/api/v1/approvals", func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				answer.ServeHTTP(w, r)
				return
			}
			list.ServeHTTP(w, r)
		})
	}
	if s.cfg.Judge != nil {
		m.Handle("/api/v1/judge", s.on("POST", owning, s.judge))
		m.Handle("/api/v1/session/close", s.on("POST", owning, s.closeSession))
	}
}

func (s *Server) questions(w http.ResponseWriter, r *http.Request, _ Role) error {
	list, open := s.cfg.Approvals.Questions(approvalsMost)
	s.answer(w, r, http.StatusOK, struct {
		Questions []Question `json:"questions"`
		Open      int        `json:"open"`
	}{append([]Question{}, list...), open})
	return nil
}

func (s *Server) answerQuestion(w http.ResponseWriter, r *http.Request, _ Role) error {
	var req AnswerRequest
	if err := readJSON(w, r, 4096, &req); err != nil {
		return err
	}
	if req.ID == "" {
		return fault(Invalid, "id", "id %q: want a question's (GET /api/v1/approvals lists them)", req.ID)
	}
	if req.Yes == nil {
		return fault(Invalid, "yes", "yes: missing, want true or false")
	}
	by := "api"
	if r.Header.Get(CSRFHeader) != "" {
		by = "page"
	}
	a, err := s.cfg.Approvals.Answer(r.Context(), req, by)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, a)
	return nil
}

func (s *Server) judge(w http.ResponseWriter, r *http.Request, _ Role) error {
	var req JudgeRequest
	if err := readJSON(w, r, s.cfg.BodyLimit, &req); err != nil {
		return err
	}
	if req.Action == "" || len(req.Action) > 256 {
		return fault(Invalid, "action", "action of %d bytes: want the name of a tool, 1 to 256", len(req.Action))
	}
	if req.Effect == 0 {
		return fault(Invalid, "effect", "effect: missing, want read, open, write or critical")
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.CallTimeout)
	defer cancel()
	out, err := s.cfg.Judge.Judge(ctx, req)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, out)
	return nil
}

func (s *Server) closeSession(w http.ResponseWriter, r *http.Request, _ Role) error {
	var req struct {
		Session string `json:"session"`
	}
	if err := readJSON(w, r, 4096, &req); err != nil {
		return err
	}
	if req.Session == "" || len(req.Session) > 256 {
		return fault(Invalid, "session", "session of %d bytes: want 1 to 256", len(req.Session))
	}
	if err := s.cfg.Judge.CloseSession(r.Context(), req.Session); err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, json.RawMessage(`{"closed":true}`))
	return nil
}
