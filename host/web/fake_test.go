package web

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/stretchr/testify/require"
)

const (
	agentToken = "agent-token-for-tests-0001"
	ownerToken = "owner-token-for-tests-0002"
	secretText = "IBAN DE00 1234"
)

// fakeNode answers like a node that hears two fields. It refuses lines that are no JSON object, and
// trusted lines of an agent.
type fakeNode struct {
	mu     sync.Mutex
	status Status
	err    error
	calls  []CallRequest
	roles  []Role
	sensed []SenseRequest
	heard  chan int // the number of lines of each batch, where a test listens
	wait   bool     // Call waits for its deadline
}

func (n *fakeNode) Status(context.Context) (Status, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.status, n.err
}

func (n *fakeNode) Call(ctx context.Context, req CallRequest, role Role) (Outcome, error) {
	n.mu.Lock()
	n.calls, n.roles = append(n.calls, req), append(n.roles, role)
	err, wait := n.err, n.wait
	n.mu.Unlock()
	if wait {
		<-ctx.Done()
		return Outcome{}, ctx.Err()
	}
	if err != nil {
		return Outcome{}, err
	}
	if req.Action == "announce" {
		d := decisionOf(7, "announce", gate.Dissipate)
		return Outcome{Verdict: d.Verdict, Action: d.Action, Content: []Content{}, Reason: d.Reason, Keys: d.Keys, Realign: d.Realign}, nil
	}
	return Outcome{Verdict: gate.Collapse, Action: req.Action, Session: req.Session, Reason: "every key held", WitnessIndex: 3,
		Content: []Content{{Type: "text", Text: "hello"}}, Keys: []gate.Key{{Name: "session", Pass: true, Need: "holds"}}}, nil
}

func (n *fakeNode) Sense(_ context.Context, req SenseRequest, role Role) (SenseResult, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var res SenseResult
	kept := req
	kept.Lines = nil
	for _, l := range req.Lines {
		kept.Lines = append(kept.Lines, Line{N: l.N, Data: append([]byte(nil), l.Data...)})
		var sample struct {
			T     int64  `json:"t"`
			Trust string `json:"trust"`
		}
		err := json.Unmarshal(l.Data, &sample)
		switch {
		case req.Format == NDJSON && err != nil:
			res.Errors = append(res.Errors, LineError{Line: l.N, Error: fmt.Sprintf("want a JSON object: %v", err)})
		case sample.Trust == "trusted" && role != Owner:
			res.Errors = append(res.Errors, LineError{Line: l.N, Error: `trust "trusted": needs the owner`})
		default:
			res.Accepted++
		}
	}
	n.sensed = append(n.sensed, kept)
	if n.heard != nil {
		n.heard <- len(kept.Lines)
	}
	return res, n.err
}

func (n *fakeNode) seen() (calls []CallRequest, roles []Role, sensed []SenseRequest) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls, n.roles, n.sensed
}

// fakeLog is a log of n entries whose payloads are secrets.
type fakeLog struct{ n uint64 }

func (l fakeLog) Size() uint64 { return l.n }

func (l fakeLog) Entries(_ context.Context, from uint64, n int) (out []WitnessEntry, err error) {
	for i := from; i < min(l.n, from+uint64(n)); i++ {
		out = append(out, WitnessEntry{Index: i, Type: "decision", Level: "macro", Payload: json.RawMessage(`"` + secretText + `"`)})
	}
	return out, nil
}

func (l fakeLog) Entry(ctx context.Context, i uint64) (WitnessEntry, error) {
	es, err := l.Entries(ctx, i, 1)
	if err != nil {
		return WitnessEntry{}, err
	}
	es[0].Proof = &WitnessProof{Leaf: "AA==", Hashes: []string{"AQ=="}, Size: l.n, Checkpoint: "note"}
	return es[0], nil
}

type fakeTools []Tool

func (f fakeTools) Tools() []Tool { return f }

// testConfig has every optional part and both tokens.
func testConfig() Config {
	c := DefaultConfig()
	c.AgentToken, c.OwnerToken = agentToken, ownerToken
	c.Witness = fakeLog{n: 120}
	c.Catalogue = fakeTools{{Name: "say", Plugin: "echo", Effect: gate.Write, InputSchema: json.RawMessage(`{"type":"object"}`)}}
	c.MCP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, RoleFrom(r.Context()))
	})
	return c
}

func newServer(t *testing.T, change func(*Config)) (*Server, *fakeNode) {
	t.Helper()
	cfg, n := testConfig(), &fakeNode{status: demoStatus()}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg, n, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, n
}

// ask sends one request; head lists "Name: value".
func ask(s *Server, method, target, body string, head ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = DefaultAddr
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range head {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func asAgent() string { return "Authorization: Bearer " + agentToken }
func asOwner() string { return "Authorization: Bearer " + ownerToken }

func decisionOf(index uint64, action string, v gate.Verdict) Decision {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano() + int64(index)*2_500_000_000
	d := Decision{At: at, Action: action, Origin: "agent", Session: "s1", Verdict: v, WitnessIndex: index}
	switch v {
	case gate.Dissipate:
		d.Keys = []gate.Key{
			{Name: "session", Pass: true, Margin: 1, Need: "nothing: no role carries untrusted text"},
			{Name: "signal:co2", Margin: -0.31, Need: "co2 collapsed; it is accumulating with |T|² 0.640 of 0.95"},
		}
		d.Reason, d.Realign = "signal:co2 does not hold: accumulating, |T|² 0.640 of 0.95", "call again when co2 has collapsed"
	case gate.Held:
		d.Keys = []gate.Key{{Name: "session", Margin: -0.8, Need: "your word that to=" + secretText + " is meant"}}
		d.Reason, d.QuestionID = "to="+secretText+" comes from untrusted text of web_fetch", "q-17"
	default:
		d.Keys = []gate.Key{{Name: "session", Pass: true, Margin: 1, Need: "holds"}}
		d.Reason = "every key held for text=" + secretText
	}
	return d
}

func limits() *GateLimits {
	return &GateLimits{Threshold: 0.95, Release: 0.90, NuMin: 26.2, LnBudget: -15.1, MassMin: 3, ChordMax: 0.25, AlphaHour: 1e-3, StaleS: 5e7}
}

// signal plays a field: coherent ones turn towards the rim, others wander near the middle.
type signal struct {
	name     string
	coherent bool
	rng      *rand.Rand
	k        int
	m, e     complex128
}

func newSignal(name string, coherent bool) *signal {
	return &signal{name: name, coherent: coherent, rng: rand.New(rand.NewPCG(7, uint64(len(name))))}
}

const week = int64(7 * 24 * time.Hour)

// next returns the line of the next week since 1958.
func (g *signal) next() Field {
	g.k++
	noise := complex(g.rng.NormFloat64(), g.rng.NormFloat64())
	target := cmplx.Rect(0.993, 0.9+0.25*math.Sin(float64(g.k)/160)) + noise*0.02
	if !g.coherent {
		target = noise * 0.55
	}
	g.m += (target - g.m) * 0.018
	g.e += (target - g.e) * 0.09
	if cmplx.Abs(g.e) > 1 {
		g.e /= complex(cmplx.Abs(g.e), 0)
	}
	return g.line()
}

func (g *signal) line() Field {
	start := time.Date(1958, 3, 29, 0, 0, 0, 0, time.UTC).UnixNano()
	joint := (g.m + g.e) / 2
	nu := math.Min(float64(g.k)/4, 39)
	f := Field{
		T: start + int64(g.k)*week, At: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC).UnixNano() + int64(g.k)*1e8, Field: g.name,
		Master:   Pathway{T: parts(g.m), T2: square(g.m), Nu: nu, Mass: math.Min(float64(g.k), 156), TauS: 94672800},
		Emissary: Pathway{T: parts(g.e), T2: square(g.e), Nu: nu / 6, Mass: math.Min(float64(g.k), 26), TauS: 15778800},
		Sync:     Sync{T: parts(joint), T2: square(joint), Chord: cmplx.Abs(g.m - g.e), Gap: math.Abs(cmplx.Abs(g.m) - cmplx.Abs(g.e)), Angle: cmplx.Phase(joint), Nu: nu},
		State:    gate.Accumulating, Reason: fmt.Sprintf("|T|² %.3f of 0.95", square(joint)),
	}
	bound, lim := -nu*0.62, limits()
	f.Evidence.LnPBound = &bound
	f.Margins = &Margins{Effect: f.Sync.T2 - lim.Threshold, Evidence: lim.LnBudget - bound, Mass: f.Emissary.Mass - lim.MassMin, Chord: lim.ChordMax - f.Sync.Chord, Fresh: 5e7}
	switch {
	case f.Margins.Mass < 0 || f.Margins.Evidence < 0:
		f.State = gate.Warmup
	case f.Margins.Effect >= 0 && f.Margins.Chord >= 0:
		f.State = gate.Collapsed
	}
	return f
}

func parts(z complex128) Complex    { return Complex{real(z), imag(z)} }
func square(z complex128) float64   { return real(z)*real(z) + imag(z)*imag(z) }
func encoded(v any) json.RawMessage { b, _ := json.Marshal(v); return b }

// demoStatus is the state of a node that has just begun.
func demoStatus() Status {
	start := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC).UnixNano()
	fields := []Field{newSignal("co2", true).next(), newSignal("co2-shuffled", false).next()}
	for i := range fields {
		fields[i].Gate = limits()
	}
	return Status{
		Name: "workbench", Version: "v0.1.0", Mode: "demo", At: start + 90e9, StartedAt: start, Fields: fields,
		Decisions: []Decision{decisionOf(1, "say", gate.Collapse), decisionOf(2, "announce", gate.Dissipate), decisionOf(3, "pay", gate.Held)},
		Plugins: []Plugin{
			{Name: "echo", Kind: "action", Version: "1.0.0", State: "ready", Calls: 1204, LastError: secretText},
			{Name: "counter", Kind: "observer", Version: "1.0.0", State: "ready", Calls: 88, Failures: 1, Dropped: 3},
		},
		Hooks: []Hook{{Event: "PreAction", Name: "no-payments.sh", Matcher: "pay.*", Runs: 12, Blocks: 1, LastError: secretText}, {Event: "Collapse", Name: "notify.sh", Runs: 2}},
		Log:   Log{Size: 48211, Bytes: 9_412_334, CheckpointAt: start + 88e9, Checkpoint: 48209, Root: "yMBoYyyDUvsN3lWn0H7SJTlPqqGoXK9YIv4nzBnZ2jY="},
	}
}
