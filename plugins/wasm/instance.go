package wasm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/wasm/meter"
	"github.com/becomingone/becomingone/sdk/abi"
)

// instance is one sandbox. One call at a time; after an error it is only good for close.
type instance struct {
	limits  plugins.Limits
	session string // the only one that it serves, once it has served one
	mod     api.Module
	memory  *memory
	fuel    api.MutableGlobal
	depth   api.MutableGlobal // how many more calls may nest
	alloc   api.Function
	entry   api.Function
	world   *world
	env     context.Context // carries world to the host functions; never ends
	stack   [3]uint64       // parameters and results
}

// instantiate makes a sandbox and runs the module's start function and _initialize.
func (p *Plugin) instantiate(ctx context.Context) (i *instance, err error) {
	i = &instance{
		limits: p.m.Limits,
		memory: &memory{budget: &p.loader.budget, most: uint64(p.m.Limits.MemoryPages) * pageBytes},
		world:  &world{digest: p.digest, log: &p.log},
	}
	i.world.begin(0, 0, p.m.Limits.HostCalls)
	i.env = context.WithValue(context.WithoutCancel(ctx), worldKey{}, i.world)
	defer func() {
		// wazero panics where the memory that a module declares cannot be had.
		if v := recover(); v != nil {
			i.memory.Free()
			i, err = nil, i.explain("instantiate", fmt.Errorf("%v", v))
		}
	}()
	i.mod, err = p.runtime.InstantiateModule(experimental.WithMemoryAllocator(i.env, i.memory), p.compiled, p.config)
	if err != nil {
		failure := i.explain("start function", err)
		i.memory.Free()
		return nil, failure
	}
	i.fuel = i.mod.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal) // meter exports it from every module
	i.depth = i.mod.ExportedGlobal(meter.DepthGlobal).(api.MutableGlobal)
	i.world.fuel = i.fuel
	i.alloc, i.entry = i.mod.ExportedFunction(exportAlloc), i.mod.ExportedFunction(exportCall)
	if f := i.mod.ExportedFunction(exportInitialize); f != nil {
		i.fuel.Set(uint64(i.limits.Fuel))
		if err := i.enter(f, nil); err != nil {
			return nil, errors.Join(i.explain(exportInitialize, err), i.close(ctx))
		}
	}
	return i, nil
}

func (i *instance) close(ctx context.Context) error { return i.mod.Close(ctx) }

// enter runs one of the guest's functions from the top of its stack.
func (i *instance) enter(f api.Function, stack []uint64) error {
	i.depth.Set(uint64(maxDepth))
	return f.CallWithStack(i.env, stack)
}

// call hands c to the guest and appends its answer to dst.
func (i *instance) call(ctx context.Context, c plugins.Call, dst []byte) (out []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			out, err = dst, plugins.Errorf(plugins.CodeTrap, false, "panic: %v", v)
		}
	}()
	i.world.begin(c.TimeNS, c.Seed, i.limits.HostCalls)
	i.fuel.Set(uint64(i.limits.Fuel))
	var ptr uint32
	if len(c.In) > 0 {
		i.stack[0] = uint64(len(c.In))
		if err := i.enter(i.alloc, i.stack[:1]); err != nil {
			return dst, i.explain(exportAlloc, err)
		}
		ptr = uint32(i.stack[0])
		if !i.mod.Memory().Write(ptr, c.In) {
			return dst, plugins.Errorf(plugins.CodeProtocol, false, "%s: %d bytes at %d: outside the memory", exportAlloc, len(c.In), ptr)
		}
	}
	if err := ctx.Err(); err != nil {
		return dst, plugins.Errorf(plugins.CodeDeadline, true, "before %s: %v", exportCall, err)
	}
	i.stack = [3]uint64{uint64(c.Op), uint64(ptr), uint64(len(c.In))}
	if err := i.enter(i.entry, i.stack[:]); err != nil {
		return dst, i.explain(exportCall, err)
	}
	return i.answer(dst, uint32(i.stack[0]>>32), uint32(i.stack[0]))
}

// answer appends n bytes at ptr to dst if they are an answer.
func (i *instance) answer(dst []byte, ptr, n uint32) ([]byte, error) {
	if uint64(n) > uint64(i.limits.OutputBytes) {
		return dst, plugins.Errorf(plugins.CodeOutput, false, "answer of %d bytes, want at most %d", n, i.limits.OutputBytes)
	}
	b, ok := i.mod.Memory().Read(ptr, n)
	if !ok {
		return dst, plugins.Errorf(plugins.CodeProtocol, false, "answer of %d bytes at %d: outside the memory", n, ptr)
	}
	if n == 0 || b[0] > abi.StatusError {
		return dst, plugins.Errorf(plugins.CodeProtocol, false, "answer of %d bytes: want a status byte of 0 or 1", n)
	}
	return append(dst, b...), nil
}

// explain says why a guest's function ended before its time.
func (i *instance) explain(where string, err error) *abi.Error {
	var own *abi.Error // of a host function
	switch {
	case errors.As(err, &own) && own.Code != plugins.CodeTrap:
		return plugins.Errorf(own.Code, false, "%s: %s", where, own.Message)
	case i.fuel != nil && int64(i.fuel.Get()) < 0:
		return plugins.Errorf(plugins.CodeFuel, false, "%s: more than limits.fuel = %d", where, i.limits.Fuel)
	case i.depth != nil && int64(i.depth.Get()) < 0:
		return plugins.Errorf(plugins.CodeTrap, false, "%s: more than %d calls nested", where, maxDepth)
	case i.memory.denied:
		return plugins.Errorf(plugins.CodeMemory, false, "%s: more memory than limits.memory_pages = %d or the node's budget",
			where, i.limits.MemoryPages)
	case own != nil:
		return plugins.Errorf(own.Code, false, "%s: %s", where, own.Message)
	}
	text, _, _ := strings.Cut(err.Error(), "\n") // what follows is the guest's stack
	return plugins.Errorf(plugins.CodeTrap, false, "%s: %s", where, text)
}
