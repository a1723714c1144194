package host

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/becomingone/becomingone/host/config"
	"github.com/becomingone/becomingone/host/store"
	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk/abi"
)

// Face is the node as its HTTP interface and its MCP server see it. It adapts a Runtime to both and
// holds no state of its own.
type Face struct {
	Runtime *Runtime
	Log     *store.Log
	Dir     string // the data folder
	Plugins *plugins.Set
	About   web.Status // what never changes: name, version, mode, start
	Hooks   func() []web.Hook
	Agent   config.Agent
}

// Status returns the whole state as the owner may see it.
func (f *Face) Status(ctx context.Context) (web.Status, error) {
	s := f.About
	s.At = time.Now().UnixNano()
	fields, err := f.Runtime.Fields(ctx)
	if err != nil {
		return s, err
	}
	s.Fields = fields
	s.Decisions = f.Runtime.state.latest()
	s.Questions, _ = f.Runtime.Questions(shownQuestions)
	s.Shadow = f.Agent.Policy == config.Shadow
	s.Plugins = []web.Plugin{}
	for _, p := range f.Plugins.Status() {
		s.Plugins = append(s.Plugins, pluginStatus(p))
	}
	s.Hooks = f.Hooks()
	s.Log, err = f.logStatus()
	return s, err
}

func pluginStatus(p plugins.Status) web.Plugin {
	out := web.Plugin{Name: cmp.Or(p.Name, filepath.Base(p.Path)), Kind: p.Kind, Version: p.Version, Digest: p.Digest, State: string(p.State),
		Calls: p.Calls, Failures: p.Failures, Dropped: p.Dropped, LastError: p.Error}
	if p.State == plugins.Active {
		out.State = "ready"
	}
	return out
}

func (f *Face) logStatus() (web.Log, error) {
	cp, err := f.Log.Checkpoint()
	if err != nil {
		return web.Log{}, err
	}
	l := web.Log{Size: f.Log.Size(), Checkpoint: cp.Size, Root: base64.StdEncoding.EncodeToString(cp.Root[:])}
	// The note itself has no time; its file was written when it was signed.
	if info, err := os.Stat(filepath.Join(f.Dir, "log", "checkpoint")); err == nil {
		l.CheckpointAt = info.ModTime().UnixNano()
	}
	return l, nil
}

// Call proposes an action for a caller of the HTTP interface.
func (f *Face) Call(ctx context.Context, req web.CallRequest, role web.Role) (web.Outcome, error) {
	if err := checkSession(req.Session); err != nil {
		return web.Outcome{}, err
	}
	out, err := f.Runtime.Call(ctx, Proposal{Session: sessionOf(req.Session), Owner: role == web.Owner,
		Action: req.Action, Arguments: req.Arguments})
	return out, f.refusal(err, req.Action)
}

// refusal gives an error of the pipeline the form and status that an HTTP client understands.
func (f *Face) refusal(err error, action string) error {
	var guest *abi.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &guest) && guest.Code == plugins.CodeUnknown:
		return &web.Error{Code: web.NotFound, Field: "action", Message: f.unknown(action)}
	case errors.As(err, &guest) && guest.Code == plugins.CodeArguments:
		return &web.Error{Code: web.Invalid, Field: "arguments", Message: guest.Message}
	case errors.Is(err, ErrBusy):
		return &web.Error{Code: web.TooMany, Message: err.Error()}
	case errors.Is(err, ErrStopped):
		return &web.Error{Code: web.Unavailable, Message: err.Error()}
	}
	return err
}

// maxSession bounds the name of a conversation, in bytes; the kernel takes no longer one.
const maxSession = 256

func checkSession(session string) error {
	if len(session) > maxSession {
		return &web.Error{Code: web.Invalid, Field: "session", Message: fmt.Sprintf("session of %d bytes: want at most %d", len(session), maxSession)}
	}
	return nil
}

// unknown says which actions there are, and which plugins offer none because they failed.
func (f *Face) unknown(action string) string {
	text := fmt.Sprintf("action %q: want one of %s", action, strings.Join(f.names(), ", "))
	if len(f.names()) == 0 {
		text = fmt.Sprintf("action %q: no plugin offers any action", action)
	}
	for _, p := range f.Plugins.Status() {
		if p.State == plugins.Failed {
			text += fmt.Sprintf("; plugin %s has failed", cmp.Or(p.Name, p.Path))
		}
	}
	return text
}

func (f *Face) names() []string {
	var names []string
	for _, a := range f.Runtime.parts.Actions.Actions() {
		names = append(names, a.Name)
	}
	return names
}

// Sense takes lines or a text from a caller of the HTTP interface.
func (f *Face) Sense(ctx context.Context, req web.SenseRequest, role web.Role) (web.SenseResult, error) {
	if err := checkSession(req.Session); err != nil {
		return web.SenseResult{}, err
	}
	inputs, numbers, bad := f.Runtime.senseRequest(req, role == web.Owner)
	errs, err := f.Runtime.Sense(ctx, inputs)
	if err != nil {
		return web.SenseResult{}, f.refusal(err, "")
	}
	result := web.SenseResult{Errors: bad}
	for i, err := range errs {
		if err != nil {
			result.Errors = append(result.Errors, web.LineError{Line: numbers[i], Error: fmt.Sprintf("line %d: %v", numbers[i], err)})
			continue
		}
		result.Accepted++
	}
	return result, nil
}

// Tools lists the actions for the HTTP interface.
func (f *Face) Tools() []web.Tool {
	tools := []web.Tool{}
	for _, a := range f.Runtime.parts.Actions.Actions() {
		notes, err := json.Marshal(a.Annotations)
		if err != nil {
			notes = nil // hints only; a plugin's odd hint does not hide its action
		}
		tools = append(tools, web.Tool{Name: a.Name, Plugin: a.Plugin, Version: a.Version, Description: a.Description,
			Effect: a.Effect, Requires: a.Requires, Trigger: a.Trigger,
			InputSchema: a.InputSchema, OutputSchema: a.OutputSchema, Annotations: notes})
	}
	return tools
}

// Size is how many entries the log holds.
func (f *Face) Size() uint64 { return f.Log.Size() }

// Entries returns at most n entries from an index on, without proofs.
func (f *Face) Entries(ctx context.Context, from uint64, n int) ([]web.WitnessEntry, error) {
	out := []web.WitnessEntry{}
	for e, err := range f.Log.Entries(ctx, from) {
		if err != nil {
			return nil, err
		}
		if len(out) == n {
			break
		}
		entry, err := witnessEntry(e)
		if err != nil {
			return nil, err
		}
		out = append(out, entry)
	}
	return out, nil
}

// Entry returns one entry with its inclusion proof. An entry that the newest checkpoint does not
// cover yet is sealed first, so that there is something to prove.
func (f *Face) Entry(ctx context.Context, index uint64) (web.WitnessEntry, error) {
	e, err := f.Log.Entry(ctx, index)
	if err != nil {
		return web.WitnessEntry{}, err
	}
	out, err := witnessEntry(e)
	if err != nil {
		return out, err
	}
	p, err := f.Log.Prove(ctx, index)
	if errors.Is(err, store.ErrPending) {
		if _, err = f.Log.Seal(ctx); err == nil {
			p, err = f.Log.Prove(ctx, index)
		}
	}
	if err != nil {
		return out, err
	}
	out.Proof = &web.WitnessProof{Leaf: base64.StdEncoding.EncodeToString(p.Leaf), Checkpoint: p.Checkpoint}
	for _, h := range p.Hashes {
		out.Proof.Hashes = append(out.Proof.Hashes, h.String())
	}
	cp, err := f.Log.Checkpoint()
	out.Proof.Size = cp.Size
	return out, err
}

func witnessEntry(e store.Entry) (web.WitnessEntry, error) {
	leaf, err := e.Leaf.AppendBinary(nil)
	if err != nil {
		return web.WitnessEntry{}, err
	}
	hash := tlogHash(leaf)
	out := web.WitnessEntry{Index: e.Leaf.Sequence, At: e.Leaf.At, Type: e.Leaf.Type.String(), Level: e.Leaf.Level.String(),
		Sequence: e.Leaf.Sequence, Erased: e.Erased, LeafHash: base64.StdEncoding.EncodeToString(hash[:])}
	switch {
	case e.Erased:
	case json.Valid(e.Payload):
		out.Payload = e.Payload
	default:
		if out.Payload, err = json.Marshal(e.Payload); err != nil { // bytes as base64
			return out, err
		}
	}
	return out, nil
}

// tlogHash is the hash of a leaf in the log's tree (RFC 6962, 2.1).
func tlogHash(leaf []byte) [32]byte { return sha256.Sum256(append([]byte{0}, leaf...)) }

// Metrics appends the node's own figures in the Prometheus text format.
func (f *Face) Metrics(w io.Writer) error {
	st := &f.Runtime.state
	_, open, pushed := f.Runtime.asked.list(0)
	_, err := fmt.Fprintf(w, "# HELP becomingone_log_entries Entries of the witness log.\n# TYPE becomingone_log_entries gauge\n"+
		"becomingone_log_entries %d\n"+
		"# HELP becomingone_calls_dropped_total Calls of the node's own that were never decided.\n"+
		"# TYPE becomingone_calls_dropped_total counter\nbecomingone_calls_dropped_total %d\n"+
		"# HELP becomingone_intake_waiting Inputs that wait for the kernel.\n# TYPE becomingone_intake_waiting gauge\n"+
		"becomingone_intake_waiting %d\n"+
		"# HELP becomingone_questions_open Questions that wait for the user.\n# TYPE becomingone_questions_open gauge\n"+
		"becomingone_questions_open %d\n"+
		"# HELP becomingone_questions_dropped_total Questions pushed out by newer ones.\n"+
		"# TYPE becomingone_questions_dropped_total counter\nbecomingone_questions_dropped_total %d\n",
		f.Log.Size(), st.droppedCalls.Load(), len(f.Runtime.intake), open, pushed)
	return err
}
