package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/gate"
)

// fakeNode answers by the tool's name and remembers what it was asked.
type fakeNode struct {
	mu    sync.Mutex
	tools []Tool
	calls []Call
	slow  chan struct{} // receives when "slow" has begun
	ended chan error    // receives the context's error when "slow" was cancelled

	meanwhile func() // if not nil, runs during each call
}

func newFakeNode() *fakeNode {
	object := func(s string) json.RawMessage { return json.RawMessage(s) }
	total := object(`{"type":"object","properties":{"total":{"$ref":"#/$defs/n"}},"required":["total"],"additionalProperties":false,"$defs":{"n":{"type":"integer"}}}`)
	return &fakeNode{
		slow: make(chan struct{}, 8), ended: make(chan error, 8),
		tools: []Tool{
			{Name: "say", Title: "Say", Description: "Says a text.", Annotations: Annotations{Idempotent: true},
				InputSchema: object(`{"type":"object","properties":{"text":{"type":"string","maxLength":100},"n":{"type":"integer","minimum":0,"maximum":9}},"required":["text"],"additionalProperties":false}`)},
			{Name: "echo", Description: "Returns its arguments."},
			{Name: "sum", Description: "Has a structured result.", InputSchema: object(`{"properties":{"dissipate":{"type":"boolean"}}}`), OutputSchema: total},
			{Name: "announce", Description: "Dissipates.", Annotations: Annotations{Destructive: true, OpenWorld: true}},
			{Name: "pay", Description: "Is held."},
			{Name: "fail", Description: "Fails."},
			{Name: "broken", Description: "Breaks its output schema.", OutputSchema: total},
			{Name: "panic", Description: "Panics."},
			{Name: "lost", Description: "Fails in the node."},
			{Name: "slow", Description: "Runs until it is cancelled."},
		},
	}
}

func (n *fakeNode) Tools() []Tool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Tool{}, n.tools...)
}

func (n *fakeNode) add(t Tool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tools = append(n.tools, t)
}

func (n *fakeNode) last() Call {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls[len(n.calls)-1]
}

func (n *fakeNode) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.calls)
}

func dissipated() Result {
	return Result{
		Verdict: gate.Dissipate, Reason: "field co2 is accumulating", Realign: "wait until co2 is coherent", WitnessIndex: 7,
		Keys: []gate.Key{
			{Name: "session", Pass: true, Margin: 0.5, Need: "nothing untrusted forces the call"},
			{Name: "signal:co2", Pass: false, Margin: -0.59, Need: "|T|² of 0.90, it is 0.31"},
		},
	}
}

func (n *fakeNode) Call(ctx context.Context, c Call) (Result, error) {
	n.mu.Lock()
	n.calls = append(n.calls, c)
	n.mu.Unlock()
	if n.meanwhile != nil {
		n.meanwhile()
	}
	ok := Result{Verdict: gate.Collapse, Reason: "every key holds", Keys: []gate.Key{{Name: "session", Pass: true, Need: "holds"}}, WitnessIndex: 3}
	switch c.Tool {
	case "say", "echo":
		ok.Content = []Content{{Type: "text", Text: string(c.Arguments)}}
	case "sum":
		if strings.Contains(string(c.Arguments), "true") {
			return dissipated(), nil
		}
		ok.Structured = json.RawMessage(`{"total":12345678901234567890}`)
	case "broken":
		ok.Structured = json.RawMessage(`{"total":"many"}`)
	case "announce":
		return dissipated(), nil
	case "pay":
		r := dissipated()
		r.Verdict, r.QuestionID, r.Realign = gate.Held, "q-1", ""
		return r, nil
	case "fail":
		ok.Err = &Failure{Code: "out_of_fuel", Message: "the guest used 1000000 units"}
	case "panic":
		panic("guest state is gone")
	case "lost":
		return Result{}, errors.New("node: intake is closed")
	case "slow":
		n.slow <- struct{}{}
		<-ctx.Done()
		n.ended <- ctx.Err()
		return Result{}, ctx.Err()
	default:
		return Result{}, fmt.Errorf("node: no action %q", c.Tool)
	}
	return ok, nil
}

func (n *fakeNode) Read(_ context.Context, uri string) (json.RawMessage, error) {
	switch uri {
	case CoherenceURI:
		return json.RawMessage(`{"fields":[{"name":"co2","state":"accumulating"}]}`), nil
	case WitnessPrefix + "3":
		return json.RawMessage(`{"index":3,"leaf":"ab"}`), nil
	case WitnessPrefix + "13":
		panic("bad page")
	}
	return nil, fmt.Errorf("node: %s: %w", uri, ErrNotFound)
}

// start returns a server of a fake node; when the test ends it is closed and must have left nothing.
func start(t testing.TB, cfg Config) (*Server, *fakeNode, *bytes.Buffer) {
	t.Helper()
	var log syncBuffer
	n := newFakeNode()
	s, err := New(cfg, n, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.NoError(t, s.Close())
		noneLeft(t)
	})
	return s, n, &log.Buffer
}

type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// noneLeft waits for the goroutines of this package and of the library to end.
func noneLeft(t testing.TB) {
	t.Helper()
	left := func() (found []string) {
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		for i, g := range strings.Split(string(buf), "\n\n") {
			mine := strings.Contains(g, "becomingone/mcp.(") || strings.Contains(g, "becomingone/mcp.read") || strings.Contains(g, "mcp-go/server")
			if i > 0 && mine && !strings.Contains(g, "testing.tRunner") {
				found = append(found, g)
			}
		}
		return found
	}
	for deadline, tick := time.After(5*time.Second), time.Tick(2*time.Millisecond); ; {
		found := left()
		if len(found) == 0 {
			return
		}
		select {
		case <-tick:
		case <-deadline:
			t.Fatalf("left running:\n%s", strings.Join(found, "\n\n"))
		}
	}
}

// message is a JSON-RPC message as a client reads it.
type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// callResult is the result of a tools/call.
type callResult struct {
	Content []struct {
		Type, Text, Data, MimeType, URI string
	} `json:"content"`
	Structured json.RawMessage `json:"structuredContent"`
	IsError    bool            `json:"isError"`
	Meta       map[string]any  `json:"_meta"`
}

func (m message) call(t testing.TB) callResult {
	t.Helper()
	require.Nil(t, m.Error, "%+v", m.Error)
	var r callResult
	require.NoError(t, json.Unmarshal(m.Result, &r), "%s", m.Result)
	return r
}
