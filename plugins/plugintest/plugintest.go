// Package plugintest tries whether a plugin keeps the ABI: it loads the module as the node does,
// asks it what it should be asked and what it should not, and explains each failure.
//
// A plugin's author runs it with one line of Go, or with `becomingone plugin test`:
//
//	func TestPlugin(t *testing.T) { plugintest.Run(t, "plugin.yaml", plugintest.Config{}) }
package plugintest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/wasm"
	"github.com/becomingone/becomingone/sdk/abi"
)

// Config says what Check cannot know. The zero value works.
type Config struct {
	// Loader runs the plugin; nil is a WebAssembly sandbox of its own. It is not closed.
	Loader plugins.Loader

	// Arguments are tried besides those that are made from an action's schema, by action. Each
	// must satisfy the schema.
	Arguments map[string][]json.RawMessage

	// Calls is how many calls one instance must serve in a row; 0: 1000.
	Calls int
}

// State is how a check ended.
type State string

// The states of a Result.
const (
	Held    State = "held"
	Failed  State = "failed"
	Skipped State = "skipped" // Detail says why it could not be tried
)

// Result is one check.
type Result struct {
	Name   string        `json:"name"` // "describe", "malformed", …
	State  State         `json:"state"`
	Detail string        `json:"detail,omitempty"` // what was sent, what came, what was wanted
	Advice string        `json:"advice,omitempty"` // what to do about it
	Took   time.Duration `json:"took_ns"`
}

// Check tries the plugin that m and code are, within m's limits. The digest in m is replaced by
// that of code. The results stand in a fixed order; an error means that nothing could be tried for
// a reason outside the plugin. It takes from milliseconds for a small guest to seconds for a Go one.
func Check(ctx context.Context, m plugins.Manifest, code []byte, cfg Config) (_ []Result, err error) {
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("plugintest: check %s: %w", m.Name, err)
	}
	if cfg.Loader == nil {
		l, err := wasm.NewLoader(wasm.Config{})
		if err != nil {
			return nil, fmt.Errorf("plugintest: check %s: %w", m.Name, err)
		}
		defer func() { err = errors.Join(err, l.Close(context.WithoutCancel(ctx))) }()
		cfg.Loader = l
	}
	if cfg.Calls == 0 {
		cfg.Calls = 1000
	}
	sum := sha256.Sum256(code)
	m.SHA256 = hex.EncodeToString(sum[:])
	s := &suite{m: m, cfg: cfg, code: code}
	defer func() { err = errors.Join(err, s.close(context.WithoutCancel(ctx))) }()
	return s.run(ctx)
}

// CheckFile is Check of a manifest and the module beside it, or of a module alone, whose manifest
// is then made from what it says it is.
func CheckFile(ctx context.Context, file string, cfg Config) ([]Result, error) {
	m, code, err := open(ctx, file, cfg)
	if err != nil {
		return nil, fmt.Errorf("plugintest: open %s: %w", file, err)
	}
	return Check(ctx, m, code, cfg)
}

func open(ctx context.Context, file string, cfg Config) (m plugins.Manifest, code []byte, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return m, nil, err
	}
	if filepath.Ext(file) == ".wasm" {
		m, err = guess(ctx, b, cfg)
		return m, b, err
	}
	if m, err = plugins.ParseManifest(b); err != nil {
		return m, nil, err
	}
	code, err = os.ReadFile(filepath.Join(filepath.Dir(file), filepath.FromSlash(m.File)))
	return m, code, err
}

// guess is the manifest that grants a module what it asks for.
func guess(ctx context.Context, code []byte, cfg Config) (m plugins.Manifest, err error) {
	if cfg.Loader == nil {
		l, err := wasm.NewLoader(wasm.Config{})
		if err != nil {
			return m, err
		}
		defer func() { err = errors.Join(err, l.Close(context.WithoutCancel(ctx))) }()
		cfg.Loader = l
	}
	sum := sha256.Sum256(code)
	m = plugins.Manifest{
		Name: "module", Version: "0", Kind: abi.KindObserver, ABI: abi.Version, File: "module.wasm",
		SHA256: hex.EncodeToString(sum[:]), Capabilities: []string{"log"}, Limits: plugins.DefaultLimits(),
	}
	p, err := cfg.Loader.Load(ctx, m, code)
	if err != nil {
		return m, err
	}
	d := p.Description()
	if err := p.Close(ctx); err != nil {
		return m, err
	}
	m.Name, m.Version, m.Kind, m.Capabilities = d.Name, d.Version, d.Kind, d.Capabilities
	m.Actions = make(map[string]plugins.Grant, len(d.Actions))
	if d.Kind == abi.KindInput {
		m.Channels = []string{"channel"}
	}
	for i := range d.Actions {
		m.Actions[d.Actions[i].Name] = plugins.Grant{Effect: gate.Write}
	}
	return m, nil
}

// TB is what Run needs of a *testing.T or *testing.B.
type TB interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Run tries the plugin of a manifest or module file and reports each failed check to t.
func Run(t TB, file string, cfg Config) {
	t.Helper()
	results, err := CheckFile(t.Context(), file, cfg)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, r := range results {
		switch r.State {
		case Failed:
			t.Errorf("%s: %s\n    advice: %s", r.Name, r.Detail, r.Advice)
		case Skipped:
			t.Logf("%s: skipped: %s", r.Name, r.Detail)
		}
	}
}

// Ok reports whether nothing has failed.
func Ok(results []Result) bool {
	for _, r := range results {
		if r.State == Failed {
			return false
		}
	}
	return true
}

// Write prints the results for a person, one line each, with what to do under a failure.
func Write(w io.Writer, results []Result) error {
	for _, r := range results {
		line := fmt.Sprintf("%-7s  %s", r.State, r.Name)
		if r.Detail != "" {
			line += ": " + r.Detail
		}
		if r.Advice != "" {
			line += "\n         " + r.Advice
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
