package meter

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// specFolder finds the specification's test suite that wazero's module brings along.
func specFolder(t testing.TB) string {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero")
	out, err := cmd.Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
	if _, statErr := os.Stat(filepath.Join(dir, "v2", "testdata", "i32.json")); err != nil || statErr != nil {
		t.Skipf("no specification tests in the module cache: %v", errors.Join(err, statErr))
	}
	return dir
}

// specConfig lets the suite's modules through that are small and odd rather than large.
func specConfig() Config {
	cfg := DefaultConfig()
	cfg.StartFuel = plenty
	cfg.MaxPages = 65536
	cfg.MaxElements = 1 << 24
	cfg.Limits.Results = 1000
	cfg.Limits.Tables = 1000
	cfg.Limits.Targets = 1 << 20
	return cfg
}

type specScript struct {
	Commands []specCommand `json:"commands"`
}

type specCommand struct {
	Type       string     `json:"type"`
	Line       int        `json:"line"`
	Name       string     `json:"name"`
	As         string     `json:"as"`
	Filename   string     `json:"filename"`
	ModuleType string     `json:"module_type"`
	Action     specAction `json:"action"`
}

type specAction struct {
	Type   string    `json:"type"`
	Module string    `json:"module"`
	Field  string    `json:"field"`
	Args   []specArg `json:"args"`
}

type specArg struct {
	Type  string          `json:"type"`
	Lane  string          `json:"lane_type"`
	Value json.RawMessage `json:"value"`
}

// words returns the argument as wazero takes it.
func (a specArg) words(t testing.TB) []uint64 {
	if a.Type != "v128" {
		var s string
		require.NoError(t, json.Unmarshal(a.Value, &s))
		if s == "null" {
			return []uint64{0}
		}
		v, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		return []uint64{v}
	}
	var lanes []string
	require.NoError(t, json.Unmarshal(a.Value, &lanes))
	bits := 128 / len(lanes)
	words := make([]uint64, 2)
	for i, lane := range lanes {
		v, err := strconv.ParseUint(lane, 10, bits)
		require.NoError(t, err)
		words[i*bits/64] |= v << (i * bits % 64)
	}
	return words
}

// side is one of the two runtimes of a comparison: with the original modules, or the rewritten.
type side struct {
	rt    wazero.Runtime
	named map[string]api.Module
	last  api.Module
}

func newSide(t testing.TB, rc wazero.RuntimeConfig, spec []byte) *side {
	s := &side{rt: wazero.NewRuntimeWithConfig(t.Context(), rc), named: map[string]api.Module{}}
	t.Cleanup(func() { _ = s.rt.Close(context.WithoutCancel(t.Context())) })
	_, err := s.rt.InstantiateWithConfig(t.Context(), spec, wazero.NewModuleConfig())
	require.NoError(t, err)
	return s
}

func (s *side) load(t testing.TB, module []byte, name, as string) error {
	m, err := s.rt.InstantiateWithConfig(t.Context(), module, wazero.NewModuleConfig().WithName(as).WithStartFunctions())
	s.last = m
	if err == nil && name != "" {
		s.named[name] = m
	}
	return err
}

func (s *side) module(name string) api.Module {
	if name != "" {
		return s.named[name]
	}
	return s.last
}

// do performs an action and returns what comes out.
func (s *side) do(t testing.TB, a specAction) ([]uint64, error) {
	m := s.module(a.Module)
	if a.Type == "get" {
		return []uint64{m.ExportedGlobal(a.Field).Get()}, nil
	}
	if depth := m.ExportedGlobal(DepthGlobal); depth != nil {
		m.ExportedGlobal(FuelGlobal).(api.MutableGlobal).Set(plenty)
		depth.(api.MutableGlobal).Set(uint64(DefaultConfig().MaxDepth))
	}
	var args []uint64
	for _, arg := range a.Args {
		args = append(args, arg.words(t)...)
	}
	return m.ExportedFunction(a.Field).Call(t.Context(), args...)
}

// The specification's own tests give the same results, value by value and trap by trap, rewritten
// or not; and what is invalid stays invalid.
func TestSpecification(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of modules")
	}
	dir := specFolder(t)
	spec, err := os.ReadFile(filepath.Join(dir, "testdata", "spectest.wasm"))
	require.NoError(t, err)
	scripts, err := filepath.Glob(filepath.Join(dir, "v2", "testdata", "*.json"))
	require.NoError(t, err)
	eachEngine(t, func(t *testing.T, rc wazero.RuntimeConfig) {
		var n tally
		for _, script := range scripts {
			t.Run(strings.TrimSuffix(filepath.Base(script), ".json"), func(t *testing.T) { n.run(t, rc, spec, script) })
		}
		t.Logf("%d modules, %d refused for other imports than functions or a long opcode; %d actions; %d invalid modules", n.modules, n.refused,
			n.actions, n.invalid)
		require.Greater(t, n.modules, 1000)
		require.Greater(t, n.actions, 20_000)
		require.Greater(t, n.invalid, 1000)
		require.Less(t, n.refused, n.modules/10)
	})
}

type tally struct{ modules, refused, actions, invalid int }

func (n *tally) run(t *testing.T, rc wazero.RuntimeConfig, spec []byte, script string) {
	raw, err := os.ReadFile(script)
	require.NoError(t, err)
	var s specScript
	require.NoError(t, json.Unmarshal(raw, &s))
	original, metered := newSide(t, rc, spec), newSide(t, rc, spec)
	for i, c := range s.Commands {
		var module []byte
		if strings.HasSuffix(c.Filename, ".wasm") {
			module, err = os.ReadFile(filepath.Join(filepath.Dir(script), c.Filename))
			require.NoError(t, err)
		}
		switch c.Type {
		case "module":
			if i+1 < len(s.Commands) && s.Commands[i+1].Type == "register" {
				c.As = s.Commands[i+1].As
			}
			require.NoError(t, original.load(t, module, c.Name, c.As), "line %d", c.Line)
			n.load(t, metered, module, c)
		case "assert_return", "assert_trap", "action":
			want, wantErr := original.do(t, c.Action)
			if metered.module(c.Action.Module) == nil {
				continue
			}
			n.actions++
			got, err := metered.do(t, c.Action)
			require.Equal(t, want, got, "line %d: %s", c.Line, c.Action.Field)
			require.Equal(t, trap(wantErr), trap(err), "line %d: %s", c.Line, c.Action.Field)
		case "assert_invalid", "assert_malformed":
			if module != nil {
				n.invalid++
				requireInvalid(t, metered.rt, module, c.Line)
			}
		}
	}
}

// load instantiates the rewritten module, unless it is one that is refused on purpose.
func (n *tally) load(t *testing.T, metered *side, module []byte, c specCommand) {
	n.modules++
	metered.last = nil
	delete(metered.named, c.Name)
	out, _, err := Rewrite(module, specConfig())
	if err != nil {
		require.Regexp(t, "accepted 0, a function|accepted its shortest form", err.Error(), "line %d", c.Line)
		n.refused++
		clear(metered.named) // what it would have changed in them is missing from here on
		return
	}
	if err := metered.load(t, out, c.Name, c.As); err != nil {
		// The module that it imports from was refused before.
		require.ErrorContains(t, err, "not instantiated", "line %d", c.Line)
	}
}

// trap returns the kind of a trap without the stack, which shows other offsets.
func trap(err error) string {
	if err == nil {
		return ""
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

// requireInvalid checks that the rewriting does not make valid what wazero refuses.
func requireInvalid(t *testing.T, rt wazero.Runtime, module []byte, line int) {
	if _, err := rt.CompileModule(t.Context(), module); err == nil {
		return // wazero is more lenient than the specification
	}
	out, _, err := Rewrite(module, specConfig())
	if err != nil {
		return
	}
	_, err = rt.CompileModule(t.Context(), out)
	require.Error(t, err, "line %d", line)
}
