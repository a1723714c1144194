package wasm

import (
	"context"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero/api"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/wasm/meter"
	"github.com/becomingone/becomingone/sdk/abi"
)

// Names at the border.
const (
	exportMemory     = abi.ExportMemory
	exportAlloc      = abi.ExportAlloc
	exportCall       = abi.ExportCall
	exportInitialize = abi.ExportInitialize
	wasiModule       = "wasi_snapshot_preview1"
	hostModule       = "bo1"
)

// function is one import that a guest may have.
type function struct {
	params, results []api.ValueType
	do              func(w *world, mod api.Module, stack []uint64)
}

// granted are the capabilities: imports of module bo1 that a manifest must name.
var granted = map[string]function{
	"log": {[]api.ValueType{i32, i32}, nil, hostLog},
}

func capabilities() []string { return slices.Sorted(maps.Keys(granted)) }

// world is all that a guest can know and touch besides its memory: a clock that stands at the
// call's time and moves only when it is looked at or slept on, random numbers that follow from the
// call's seed, and a log.
type world struct {
	digest    [24]byte // of the plugin; keeps two plugins' random numbers apart
	log       *tail
	hostCalls int64 // left in this call
	realtime  int64 // ns at the start of the call
	elapsed   int64 // ns of the instance's own time
	started   int64 // elapsed at the start of the call
	random    rand.ChaCha8
	fuel      api.MutableGlobal // nil until the first use
}

// worldKey finds the world of the instance that calls a host function.
type worldKey struct{}

// begin sets the world for one call.
func (w *world) begin(timeNS int64, seed uint64, hostCalls int) {
	w.realtime, w.started = timeNS, w.elapsed
	w.hostCalls = int64(hostCalls)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	copy(key[8:], w.digest[:])
	w.random.Seed(key)
}

// costs of a host call in fuel: what the host does for a guest is the guest's too.
const (
	callCost    = 64
	bytesPerFee = 4
)

// pay takes the price of a host call that touches n bytes, or ends the guest's call.
func (w *world) pay(mod api.Module, n uint64) {
	if w.hostCalls--; w.hostCalls < 0 {
		panic(plugins.Errorf(plugins.CodeHostCalls, false, "more host calls than limits.host_calls"))
	}
	if w.fuel == nil {
		w.fuel = mod.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal) // meter exports it from every module
	}
	left := int64(w.fuel.Get()) - callCost - int64(n/bytesPerFee)
	w.fuel.Set(uint64(left))
	if left < 0 {
		panic(plugins.Errorf(plugins.CodeFuel, false, "limits.fuel is burnt in a host call"))
	}
}

// invoke is the one entry from guests: it finds the caller's world and pays before it acts.
func (f function) invoke(ctx context.Context, mod api.Module, stack []uint64) {
	w := ctx.Value(worldKey{}).(*world) // every instance is made with one
	w.pay(mod, 0)
	f.do(w, mod, stack)
}

func hostLog(w *world, mod api.Module, stack []uint64) {
	n := uint32(stack[1])
	w.pay(mod, uint64(n))
	b, ok := mod.Memory().Read(uint32(stack[0]), n)
	if !ok {
		panic(plugins.Errorf(plugins.CodeProtocol, false, "bo1.log: %d bytes at %d: outside the memory", n, uint32(stack[0])))
	}
	w.log.write(b)
	w.log.write([]byte{'\n'})
}

// tailBytes is how much of what a plugin prints is kept.
const tailBytes = 4 << 10

// tail keeps the end of what a plugin's instances print.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) write(b []byte) {
	if len(b) > tailBytes {
		b = b[len(b)-tailBytes:]
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if over := len(t.b) + len(b) - tailBytes; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	t.b = append(t.b, b...)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
