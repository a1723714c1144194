// Package guard puts the tools of another agent's program behind the gate: it answers the hook events of
// Claude Code.
//
//	UserPromptSubmit  the prompt is trusted text of the session
//	PostToolUse       what the tool brought back is untrusted text, with its source; so is the error of
//	                  PostToolUseFailure
//	PreToolUse        the node judges the call: allow, ask where it is held, deny where it dissipates
//	SessionStart      says so where no node runs; a session opens with its first text or call
//	SessionEnd        the node forgets the session
//
// Any other event is answered with nothing. Where the node is down, or anything fails, a tool call is
// answered with ask. A result that the node could not be told of would make its values look as if nobody
// had said them; so the guard leaves a mark, and the session's further calls, but for reading, are asked
// about too.
//
// Calls that touch the node's data folder or give the owner's commands are denied before the node is asked
// (protect.go). That stops an agent, not a program of the same user that wants to get around it.
package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/kernel/gate"
)

// MaxEvent is how many bytes of an event are read; a longer one counts as failed.
const MaxEvent = 32 << 20

// Node is the gate that is asked.
type Node interface {
	// Judge decides on a call and executes nothing.
	Judge(ctx context.Context, req web.JudgeRequest) (web.Outcome, error)
	// Hear adds a text to a session.
	Hear(ctx context.Context, session, source, text string, trusted bool) error
	// CloseSession forgets a session.
	CloseSession(ctx context.Context, session string) error
}

// Guard answers events.
type Guard struct {
	Data    string                              // the node's data folder
	Home    string                              // the user's home folder, "" where there is none
	Connect func(context.Context) (Node, error) // finds the running node, and that it is the one
	Quiet   bool                                // where the gate passes, say nothing: the client's own permissions then decide
}

// event is what Claude Code writes on a hook's stdin.
type event struct {
	Name     string          `json:"hook_event_name"`
	Session  string          `json:"session_id"`
	Folder   string          `json:"cwd"`
	Prompt   string          `json:"prompt"`
	Tool     string          `json:"tool_name"`
	Input    json.RawMessage `json:"tool_input"`
	Response json.RawMessage `json:"tool_response"`
	Error    string          `json:"error"`
}

// answer is what Claude Code reads on a hook's stdout.
type answer struct {
	System string   `json:"systemMessage,omitempty"`
	Output *verdict `json:"hookSpecificOutput,omitempty"`
}

type verdict struct {
	Event    string `json:"hookEventName"`
	Decision string `json:"permissionDecision"`
	Reason   string `json:"permissionDecisionReason"`
}

// Answer answers one event; nil is nothing to say. It never fails: what goes wrong is part of the answer.
func (g *Guard) Answer(ctx context.Context, raw []byte) []byte {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return encoded(permission("ask", fmt.Sprintf("the hook's event cannot be read: %v", err)))
	}
	var a *answer
	switch e.Name {
	case "PreToolUse":
		a = g.before(ctx, &e)
	case "PostToolUse", "PostToolUseFailure":
		a = g.after(ctx, &e)
	case "UserPromptSubmit":
		a = g.prompt(ctx, &e)
	case "SessionStart":
		a = g.start(ctx, &e)
	case "SessionEnd":
		a = g.end(ctx, &e)
	}
	if a == nil {
		return nil
	}
	return encoded(a)
}

func encoded(a *answer) []byte {
	b, _ := json.Marshal(a) // texts always encode
	return append(b, '\n')
}

// maxReason bounds the text that the client shows.
const maxReason = 2000

func permission(decision, reason string) *answer {
	reason = strings.ToValidUTF8(reason, "\ufffd")
	if r := []rune(reason); len(r) > maxReason {
		reason = string(r[:maxReason]) + "…"
	}
	return &answer{Output: &verdict{Event: "PreToolUse", Decision: decision, Reason: "becomingone: " + reason}}
}

// session names the conversation at the node, apart from those of other clients.
func (e *event) session() string { return "claude-code/" + e.Session }

func (e *event) valid() error {
	if e.Session == "" || len(e.Session) > 200 {
		return fmt.Errorf("guard: session_id of %d bytes: want 1 to 200", len(e.Session))
	}
	return nil
}

// before answers for a tool call.
func (g *Guard) before(ctx context.Context, e *event) *answer {
	if err := e.valid(); err != nil {
		return permission("ask", err.Error())
	}
	if decision, why := g.protect(e); decision != "" {
		return permission(decision, why)
	}
	effect := ClassOf(e.Tool)
	if effect > gate.Read && g.lost(e) {
		return permission("ask", "the node was not told of an earlier result in this session, so it cannot tell where values come from")
	}
	node, err := g.Connect(ctx)
	if err != nil {
		return permission("ask", fmt.Sprintf("the node does not answer: %v", err))
	}
	out, err := node.Judge(ctx, web.JudgeRequest{Session: e.session(), Action: e.Tool, Arguments: e.Input, Effect: effect})
	if err != nil {
		return permission("ask", fmt.Sprintf("the node did not judge: %v", err))
	}
	switch out.Verdict {
	case gate.Collapse:
		if g.Quiet {
			return nil
		}
		return permission("allow", out.Reason)
	case gate.Held:
		return permission("ask", out.Reason+" (question "+out.QuestionID+")")
	case gate.Dissipate:
		return permission("deny", out.Reason+". To realign: "+out.Realign)
	}
	return permission("ask", fmt.Sprintf("the node answered with the verdict %v", out.Verdict))
}

// after tells the node what a tool brought back.
func (g *Guard) after(ctx context.Context, e *event) *answer {
	if e.valid() != nil || own[e.Tool] {
		return nil
	}
	text := flat(e.Response) + e.Error
	if strings.TrimSpace(text) == "" {
		return nil
	}
	node, err := g.Connect(ctx)
	if err != nil {
		return g.missed(e, err)
	}
	for part := range pieces(text) {
		if err := node.Hear(ctx, e.session(), e.source(), part, false); err != nil {
			return g.missed(e, err)
		}
	}
	return nil
}

// missed marks a session whose node has missed a result.
func (g *Guard) missed(e *event, cause error) *answer {
	err := os.MkdirAll(filepath.Dir(g.mark(e)), 0o700)
	if err == nil {
		err = os.WriteFile(g.mark(e), nil, 0o600)
	}
	return &answer{System: fmt.Sprintf("becomingone: the node was not told what %s returned: %v", e.Tool, errors.Join(cause, err))}
}

func (g *Guard) mark(e *event) string {
	sum := sha256.Sum256([]byte(e.Session))
	return filepath.Join(g.Data, "run", "guard-missed-"+hex.EncodeToString(sum[:8]))
}

// lost says whether the session has a mark. One that cannot be looked for counts.
func (g *Guard) lost(e *event) bool {
	_, err := os.Stat(g.mark(e))
	return !errors.Is(err, fs.ErrNotExist)
}

// prompt tells the node what the user said.
func (g *Guard) prompt(ctx context.Context, e *event) *answer {
	if e.valid() != nil || strings.TrimSpace(e.Prompt) == "" {
		return nil
	}
	node, err := g.Connect(ctx)
	for part := range pieces(e.Prompt) {
		if err == nil {
			err = node.Hear(ctx, e.session(), "user", part, true)
		}
	}
	if err != nil {
		return &answer{System: fmt.Sprintf("becomingone: the node did not hear your prompt, so it will ask more: %v", err)}
	}
	return nil
}

func (g *Guard) start(ctx context.Context, _ *event) *answer {
	if _, err := g.Connect(ctx); err != nil {
		return &answer{System: fmt.Sprintf("becomingone: no node answers, so every tool call will be asked about: %v", err)}
	}
	return nil
}

// end makes the node forget the session; a node that is down forgets it by itself.
func (g *Guard) end(ctx context.Context, e *event) *answer {
	if e.valid() != nil {
		return nil
	}
	node, err := g.Connect(ctx)
	if err == nil {
		err = node.CloseSession(ctx, e.session())
	}
	if gone := os.Remove(g.mark(e)); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	if err != nil {
		return &answer{System: fmt.Sprintf("becomingone: the session was not closed: %v", err)}
	}
	return nil
}
