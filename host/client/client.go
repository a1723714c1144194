// Package client talks to a running node over its HTTP interface.
package client

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/becomingone/becomingone/host/folder"
	"github.com/becomingone/becomingone/host/web"
)

// maxAnswer bounds what is read of one answer: a node is ours, but its port may be somebody else's.
const maxAnswer = 64 << 20

// Client is one credential at one node. It is safe for concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// Error is a node's refusal of a request, as opposed to a gate's verdict.
type Error struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
}

// Error returns the node's own words.
func (e *Error) Error() string { return e.Message }

// New talks to the node at base ("http://127.0.0.1:4917") with token, which may be empty.
func New(base, token string) *Client {
	return &Client{base: base, token: token, http: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, ResponseHeaderTimeout: 10 * time.Minute,
	}}}
}

// Find returns a client of the node that runs on the data folder dir, with the token that role names
// there. A node that was killed leaves its note behind, and its port may be somebody else's by now: so
// the address must be this machine's, and the answer must prove that it knows the folder's tokens,
// before any token is sent. Where nobody listens the error is folder.ErrNotRunning.
func Find(ctx context.Context, dir string, owner bool) (*Client, error) {
	note, err := folder.ReadNode(dir)
	if err != nil {
		return nil, err
	}
	if err := ours(note.URL); err != nil {
		return nil, err
	}
	agent, err := folder.AgentToken(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := New(note.URL, "").prove(ctx, agent); err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			err = folder.ErrNotRunning
		}
		return nil, fmt.Errorf("client: node %d at %s: %w", note.PID, note.URL, err)
	}
	if !owner {
		return New(note.URL, agent), nil
	}
	token, err := folder.OwnerToken(dir)
	return New(note.URL, token), err
}

// ours refuses an address that is not this machine's, unless TLS says whose it is.
func ours(base string) error {
	u, err := url.Parse(base)
	if err != nil {
		return fmt.Errorf("client: address %q in run/node.json: %w", base, err)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("client: address %q in run/node.json: want a loopback address or https", base)
}

// prove asks the node for the keyed hash of a nonce, which only a holder of the agent's token has.
func (c *Client) prove(ctx context.Context, agent string) error {
	nonce := rand.Text()
	var answer struct {
		Proof string `json:"proof"`
	}
	if err := c.json(ctx, http.MethodGet, "/healthz?nonce="+nonce, nil, &answer); err != nil {
		return err
	}
	if !hmac.Equal([]byte(answer.Proof), []byte(folder.Proof(agent, nonce))) {
		return errors.New("what answers there is not the node of this data folder")
	}
	return nil
}

// Status asks for the node's state.
func (c *Client) Status(ctx context.Context) (web.Status, error) {
	var s web.Status
	return s, c.json(ctx, http.MethodGet, "/api/v1/status", nil, &s)
}

// Tools lists the actions that may be called.
func (c *Client) Tools(ctx context.Context) ([]web.Tool, error) {
	var answer struct {
		Tools []web.Tool `json:"tools"`
	}
	return answer.Tools, c.json(ctx, http.MethodGet, "/api/v1/tools", nil, &answer)
}

// Call proposes an action. A refusal by the gate is an Outcome; an *Error is the node's.
func (c *Client) Call(ctx context.Context, req web.CallRequest) (web.Outcome, error) {
	var o web.Outcome
	body, err := json.Marshal(req)
	if err != nil {
		return o, fmt.Errorf("client: encode call: %w", err)
	}
	if err := c.json(ctx, http.MethodPost, "/api/v1/call", bytes.NewReader(body), &o); err != nil {
		return o, err
	}
	if o.Verdict == 0 {
		return o, errors.New("client: the answer to a call has no verdict: what answers there is no node")
	}
	return o, nil
}

// Reload makes the node look for its plugins again and returns how each of them fares.
func (c *Client) Reload(ctx context.Context) ([]web.Plugin, error) {
	var answer struct {
		Plugins []web.Plugin `json:"plugins"`
	}
	return answer.Plugins, c.json(ctx, http.MethodPost, "/api/v1/plugins/reload", nil, &answer)
}

// Questions lists those that wait for the owner, and says how many wait in all.
func (c *Client) Questions(ctx context.Context) ([]web.Question, int, error) {
	var answer struct {
		Questions []web.Question `json:"questions"`
		Open      int            `json:"open"`
	}
	err := c.json(ctx, http.MethodGet, "/api/v1/approvals", nil, &answer)
	return answer.Questions, answer.Open, err
}

// Answer gives the owner's word on a question.
func (c *Client) Answer(ctx context.Context, id string, yes bool) (web.Answered, error) {
	var a web.Answered
	return a, c.post(ctx, "/api/v1/approvals", web.AnswerRequest{ID: id, Yes: &yes}, &a)
}

// Judge asks the gate about a tool that somebody else executes.
func (c *Client) Judge(ctx context.Context, req web.JudgeRequest) (web.Outcome, error) {
	var o web.Outcome
	return o, c.post(ctx, "/api/v1/judge", req, &o)
}

// CloseSession makes the node forget a session that has ended.
func (c *Client) CloseSession(ctx context.Context, session string) error {
	var closed struct{}
	return c.post(ctx, "/api/v1/session/close", map[string]string{"session": session}, &closed)
}

func (c *Client) post(ctx context.Context, path string, body, dst any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("client: encode request of %s: %w", path, err)
	}
	return c.json(ctx, http.MethodPost, path, bytes.NewReader(b), dst)
}

// Witness returns the newest n entries of the log, oldest first.
func (c *Client) Witness(ctx context.Context, n int) ([]web.WitnessEntry, error) {
	var answer struct {
		Entries []web.WitnessEntry `json:"entries"`
	}
	return answer.Entries, c.json(ctx, http.MethodGet, "/api/v1/witness?n="+strconv.Itoa(n), nil, &answer)
}

// WitnessEntry returns one entry with its inclusion proof, as the node wrote it.
func (c *Client) WitnessEntry(ctx context.Context, index uint64) (json.RawMessage, error) {
	return c.do(ctx, http.MethodGet, "/api/v1/witness/"+strconv.FormatUint(index, 10), "", nil)
}

// Sensed is how a stream of input was received.
type Sensed struct {
	Accepted int             `json:"accepted"`
	Rejected int             `json:"rejected"`
	Errors   []web.LineError `json:"errors,omitempty"`
}

// decode reads the node's answer: a line for each refused line of the input, then the counts, or the
// error that ended it in between.
func (s *Sensed) decode(raw []byte) error {
	for line := range bytes.Lines(raw) {
		var l struct {
			Line     int             `json:"line"`
			Error    json.RawMessage `json:"error"`
			Accepted int             `json:"accepted"`
			Rejected int             `json:"rejected"`
		}
		if err := json.Unmarshal(line, &l); err != nil {
			return fmt.Errorf("client: decode answer of sense: %w", err)
		}
		var why string
		switch {
		case l.Error == nil:
			s.Accepted, s.Rejected = l.Accepted, l.Rejected
		case json.Unmarshal(l.Error, &why) == nil:
			s.Errors = append(s.Errors, web.LineError{Line: l.Line, Error: why})
		default:
			return refusal(http.StatusServiceUnavailable, line)
		}
	}
	return nil
}

// SenseOptions say what a stream of input is.
type SenseOptions struct {
	NDJSON  bool // else one text
	Channel string
	Trust   string // "trusted" or "untrusted"
	Session string
	Source  string
}

// Sense streams input to the node.
func (c *Client) Sense(ctx context.Context, in io.Reader, o SenseOptions) (Sensed, error) {
	q := url.Values{}
	for k, v := range map[string]string{"channel": o.Channel, "trust": o.Trust, "session": o.Session, "source": o.Source} {
		if v != "" {
			q.Set(k, v)
		}
	}
	kind := "text/plain; charset=utf-8"
	if o.NDJSON {
		kind = "application/x-ndjson"
	}
	var s Sensed
	status, raw, err := c.exchange(ctx, http.MethodPost, "/api/v1/sense?"+q.Encode(), kind, in)
	if err != nil {
		return s, err
	}
	// Where every line was refused the status says so too, but the answer still has the lines.
	if err := s.decode(raw); err != nil || status < 400 || s.Rejected > 0 {
		return s, err
	}
	return s, refusal(status, raw)
}

func (c *Client) json(ctx context.Context, method, path string, body io.Reader, dst any) error {
	raw, err := c.do(ctx, method, path, "application/json", body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, dst); err != nil {
		return fmt.Errorf("client: decode answer of %s: %w", path, err)
	}
	return nil
}

// do sends a request and returns the answer's body; a status of 400 or more is an error.
func (c *Client) do(ctx context.Context, method, path, kind string, body io.Reader) ([]byte, error) {
	status, raw, err := c.exchange(ctx, method, path, kind, body)
	if err == nil && status >= 400 {
		err = refusal(status, raw)
	}
	return raw, err
}

func (c *Client) exchange(ctx context.Context, method, path, kind string, body io.Reader) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return 0, nil, fmt.Errorf("client: %s %s: %w", method, path, err)
	}
	if kind != "" && body != nil {
		req.Header.Set("Content-Type", kind)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("client: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return 0, nil, fmt.Errorf("client: read answer of %s: %w", path, err)
	}
	if len(raw) > maxAnswer {
		return 0, nil, fmt.Errorf("client: answer of %s: more than %d bytes", path, maxAnswer)
	}
	return resp.StatusCode, raw, nil
}

// refusal reads the node's error; anything else on that port is told by its status alone.
func refusal(status int, raw []byte) error {
	var answer struct {
		Error *Error `json:"error"`
	}
	if json.Unmarshal(raw, &answer) == nil && answer.Error != nil {
		answer.Error.Status = status
		return answer.Error
	}
	return &Error{Status: status, Code: "http", Message: fmt.Sprintf("the node answered %d %s", status, http.StatusText(status))}
}

// NotFound reports whether err says that what was asked for does not exist.
func NotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}
