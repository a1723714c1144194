package wasm

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk/abi"
)

// Plugin is one loaded module and its instances.
//
// An instance that has answered a call may hold anything of it in its memory. It therefore serves
// only the session that it first served, until it is thrown away for another's: what one session
// says can never come out in another. A manifest with fresh: true goes further, and each call has
// an instance of its own, so that the same input costs the same fuel and gives the same answer
// whatever came before. In both cases the next instance is made ready while nobody waits: making
// one costs a Go guest milliseconds, a small guest microseconds.
type Plugin struct {
	loader   *Loader
	m        plugins.Manifest
	digest   [24]byte
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	config   wazero.ModuleConfig
	about    abi.Description
	log      tail
	slots    chan struct{} // one for each call that may run

	mu     sync.Mutex
	closed bool
	idle   []*instance // the least recently used first
	warm   *instance   // has served nobody yet

	bell    chan struct{} // the warm instance was taken
	refills sync.WaitGroup
}

var _ plugins.Plugin = (*Plugin)(nil)

func newPlugin(l *Loader, m plugins.Manifest) *Plugin {
	p := &Plugin{
		loader: l, m: m,
		config: wazero.NewModuleConfig().WithName("").WithStartFunctions(),
		slots:  make(chan struct{}, m.Limits.Instances),
		bell:   make(chan struct{}, 1),
	}
	copy(p.digest[:], m.SHA256) // 24 of its 64 digits: enough to keep plugins apart
	return p
}

// start compiles the module in a runtime of its own and asks it what it is.
func (p *Plugin) start(ctx context.Context, metered []byte) error {
	p.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCompilationCache(p.loader.cache).
		WithCoreFeatures(api.CoreFeaturesV2).
		WithDebugInfoEnabled(false).
		WithMemoryLimitPages(uint32(min(65536, 2*p.m.Limits.MemoryPages))))
	if err := p.offer(ctx); err != nil {
		return err
	}
	var err error
	if p.compiled, err = p.runtime.CompileModule(ctx, metered); err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	if err := checkExports(p.compiled); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.describe(ctx)
}

// offer instantiates the host modules with no more functions than the manifest allows.
func (p *Plugin) offer(ctx context.Context) error {
	wasi := p.runtime.NewHostModuleBuilder(wasiModule)
	for name, f := range inert {
		wasi.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(f.invoke), f.params, f.results).Export(name)
	}
	if _, err := wasi.Instantiate(ctx); err != nil {
		return fmt.Errorf("host module %s: %w", wasiModule, err)
	}
	host := p.runtime.NewHostModuleBuilder(hostModule)
	for _, name := range p.m.Capabilities {
		f := granted[name]
		host.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(f.invoke), f.params, f.results).Export(name)
	}
	if _, err := host.Instantiate(ctx); err != nil {
		return fmt.Errorf("host module %s: %w", hostModule, err)
	}
	return nil
}

func (p *Plugin) describe(ctx context.Context) error {
	i, err := p.instantiate(ctx)
	if err != nil {
		return err
	}
	b, err := i.call(ctx, plugins.Call{Op: abi.OpDescribe}, nil)
	if err == nil {
		b, err = abi.Answer(b)
	}
	if err == nil {
		err = p.about.Decode(b)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("describe: %w", err), i.close(ctx))
	}
	if p.m.Fresh {
		return i.close(ctx) // the next instances must not differ by having described themselves
	}
	p.warm = i
	return nil
}

// Description returns what the module answered when it was loaded.
func (p *Plugin) Description() abi.Description { return p.about }

// Printed returns the end of what the plugin's instances have printed. It may hold what callers
// said: it is for the owner.
func (p *Plugin) Printed() string { return p.log.String() }

// Call runs one operation in an instance of the session's. It waits for a free one as long as ctx
// allows and then cannot be interrupted: it ends by fuel. With a dst that has room it allocates
// nothing on the host.
func (p *Plugin) Call(ctx context.Context, c plugins.Call, dst []byte) (_ []byte, err error) {
	if len(c.In) > p.m.Limits.InputBytes {
		return dst, plugins.Errorf(plugins.CodeInput, false, "message of %d bytes, want at most %d", len(c.In), p.m.Limits.InputBytes)
	}
	if err := enter(ctx, p.slots); err != nil {
		return dst, err
	}
	defer leave(p.slots)
	if err := enter(ctx, p.loader.running); err != nil {
		return dst, err
	}
	defer leave(p.loader.running)
	i, err := p.take(ctx, c.Session)
	if err != nil {
		return dst, err
	}
	out, err := i.call(ctx, c, dst)
	if err == nil && c.Accept != nil {
		if err = c.Accept(out[len(dst):]); err != nil {
			out = dst
		}
	}
	if err != nil || p.m.Fresh {
		return out, errors.Join(err, i.close(ctx))
	}
	p.put(i)
	return out, nil
}

func enter(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return plugins.Errorf(plugins.CodeBusy, true, "all %d places taken: %v", cap(slots), ctx.Err())
	}
}

func leave(slots chan struct{}) { <-slots }

// Close waits until no call runs, or ctx ends, and frees the instances and the code.
func (p *Plugin) Close(ctx context.Context) error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	if !again {
		close(p.bell)
	}
	p.mu.Unlock()
	if again {
		return nil
	}
	p.refills.Wait()
	for range cap(p.slots) {
		if err := enter(ctx, p.slots); err != nil {
			return fmt.Errorf("wasm: close %s: %w", p.m.Name, err)
		}
		defer leave(p.slots) // whoever waited learns from take that it is too late
	}
	return p.runtime.Close(ctx) // closes every instance, too
}
