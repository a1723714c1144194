// Package wasm runs plugins as WebAssembly guests in sandboxes that hold by construction: a guest
// pays for what it executes, sees only what its manifest grants, and can break nothing but itself.
//
// Before anything is compiled the module is parsed, bounded and rewritten by package meter, so a
// call ends by fuel and not by a signal: wazero's own way to end a call on a context is slow, and
// a guest without safepoints would freeze the process at the next garbage collection. Until its
// fuel ends a guest cannot be interrupted; Config.Running keeps one processor for the node.
package wasm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/wasm/meter"
)

// Config says what all guests of a node share.
type Config struct {
	CacheDir    string // compiled code, for the next start; empty keeps it in memory
	MemoryBytes int64  // linear memory of all instances together; 0: 1 GiB
	Running     int    // guests that execute at once; 0: one less than the processors, at least 1
}

// Validate names the first field outside its range.
func (c Config) Validate() error {
	if c.MemoryBytes < 0 {
		return fmt.Errorf("wasm: config MemoryBytes %d: want 0 or more", c.MemoryBytes)
	}
	if c.Running < 0 || c.Running > 1024 {
		return fmt.Errorf("wasm: config Running %d: want 0…1024", c.Running)
	}
	return nil
}

// Loader loads bo1 plugins. It is safe for concurrent use.
type Loader struct {
	cache   wazero.CompilationCache
	budget  atomic.Int64 // bytes of linear memory left
	running chan struct{}
}

// NewLoader opens the compilation cache.
func NewLoader(cfg Config) (*Loader, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Running == 0 {
		cfg.Running = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if cfg.MemoryBytes == 0 {
		cfg.MemoryBytes = 1 << 30
	}
	l := &Loader{running: make(chan struct{}, cfg.Running)}
	l.budget.Store(cfg.MemoryBytes)
	if cfg.CacheDir == "" {
		l.cache = wazero.NewCompilationCache()
		return l, nil
	}
	var err error
	if l.cache, err = wazero.NewCompilationCacheWithDir(cfg.CacheDir); err != nil {
		return nil, fmt.Errorf("wasm: open cache %s: %w", cfg.CacheDir, err)
	}
	return l, nil
}

// Close frees the compiled code. Close the plugins first.
func (l *Loader) Close(ctx context.Context) error { return l.cache.Close(ctx) }

// Load meters, compiles and describes a module. Limits, capabilities and exports are checked
// before its first instruction runs; ctx is looked at between the steps.
func (l *Loader) Load(ctx context.Context, m plugins.Manifest, code []byte) (plugins.Plugin, error) {
	metered, _, err := rewrite(m, code)
	if err != nil {
		return nil, fmt.Errorf("wasm: load %s: %w", m.Name, err)
	}
	p := newPlugin(l, m)
	if err := p.start(ctx, metered); err != nil {
		return nil, errors.Join(fmt.Errorf("wasm: load %s: %w", m.Name, err), p.runtime.Close(ctx))
	}
	p.refills.Add(1)
	go p.refill(context.WithoutCancel(ctx))
	return p, nil
}

// maxDepth is how many calls may nest in a guest: less than any engine's own bound, so that the
// same input ends the same way on each of them.
const maxDepth = 1800

// Imports returns what a module wants from its host, "module.name" each, and whether Load would
// refuse it before it runs. Nothing of it is compiled or run.
func Imports(m plugins.Manifest, code []byte) ([]string, error) {
	_, info, err := rewrite(m, code)
	names := make([]string, len(info.Imports))
	for i, im := range info.Imports {
		names[i] = im.Module + "." + im.Name
	}
	if err != nil {
		return names, fmt.Errorf("wasm: inspect %s: %w", m.Name, err)
	}
	return names, nil
}

// rewrite makes the guest pay for what it executes, and refuses what it must not import.
func rewrite(m plugins.Manifest, code []byte) ([]byte, meter.Info, error) {
	cfg := meter.DefaultConfig()
	cfg.MaxDepth = maxDepth
	cfg.StartFuel = min(cfg.StartFuel, m.Limits.Fuel)
	// The allocator holds the manifest's bound. The module's own is wider, so that a guest that
	// asks for too much is seen to ask.
	cfg.MaxPages = uint32(min(65536, 2*m.Limits.MemoryPages))
	metered, info, err := meter.Rewrite(code, cfg)
	if err == nil {
		err = admit(m, info)
	}
	return metered, info, err
}

func admit(m plugins.Manifest, info meter.Info) error {
	if int64(info.Pages) > int64(m.Limits.MemoryPages) {
		return fmt.Errorf("memory of %d pages: limits.memory_pages is %d", info.Pages, m.Limits.MemoryPages)
	}
	for _, c := range m.Capabilities {
		if _, known := granted[c]; !known {
			return fmt.Errorf("capabilities %q: want %s", c, strings.Join(capabilities(), ", "))
		}
	}
	for _, im := range info.Imports {
		if !allowed(im.Module, im.Name, m.Capabilities) {
			return fmt.Errorf("import %q %q: not granted (the Go runtime profile and capabilities [%s] are)",
				im.Module, im.Name, strings.Join(m.Capabilities, ", "))
		}
	}
	return nil
}

func allowed(module, name string, capabilities []string) bool {
	if module == wasiModule {
		_, ok := inert[name]
		return ok
	}
	return module == hostModule && slices.Contains(capabilities, name) && granted[name].do != nil
}

// signature is what a guest's export must look like.
type signature struct{ params, results []api.ValueType }

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64
)

func checkExports(compiled wazero.CompiledModule) error {
	if compiled.ExportedMemories()[exportMemory] == nil {
		return fmt.Errorf("export %q: missing, want a memory", exportMemory)
	}
	exports := compiled.ExportedFunctions()
	for _, e := range []struct {
		name     string
		sig      signature
		required bool
	}{
		{exportAlloc, signature{[]api.ValueType{i32}, []api.ValueType{i32}}, true},
		{exportCall, signature{[]api.ValueType{i32, i32, i32}, []api.ValueType{i64}}, true},
		{exportInitialize, signature{}, false},
	} {
		f := exports[e.name]
		if f == nil && e.required {
			return fmt.Errorf("export %q: missing, want a function", e.name)
		}
		if f != nil && (!slices.Equal(f.ParamTypes(), e.sig.params) || !slices.Equal(f.ResultTypes(), e.sig.results)) {
			return fmt.Errorf("export %q: (%s) -> (%s), want (%s) -> (%s)", e.name, types(f.ParamTypes()),
				types(f.ResultTypes()), types(e.sig.params), types(e.sig.results))
		}
	}
	return nil
}

func types(all []api.ValueType) string {
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = api.ValueTypeName(t)
	}
	return strings.Join(names, " ")
}
