package meter

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// fuzzConfig keeps what an accepted module may cost low enough for thousands of runs a second.
func fuzzConfig() Config {
	cfg := DefaultConfig()
	cfg.StartFuel = 10_000
	cfg.MaxPages = 4
	cfg.MaxElements = 100
	cfg.MaxDepth = 100
	cfg.Limits.Module = 1 << 16
	cfg.Limits.Locals = 100
	cfg.Limits.Complexity = 1 << 18
	cfg.Limits.Total = 1 << 20
	return cfg
}

// Whatever the bytes are: no panic; and what the rewriter accepts, wazero accepts after the
// rewriting exactly if it did before, runs within the fuel, and on both engines alike.
func FuzzRewrite(f *testing.F) {
	f.Add(samples().bytes())
	compute, err := os.ReadFile("testdata/compute.wasm")
	require.NoError(f, err)
	f.Add(compute)
	for _, code := range []string{
		loop + br(0) + end, call(0), zero + "\x40\x00" + drop, zero + zero + zero + "\xfc\x0b\x00",
		block + one + brIf(0) + loop + one + brIf(1) + end + end, zero + "\x0e\x02\x00\x00\x00",
		"\xfd\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + drop,
		zero + "\xfd\x0f\xfd\x80\x01" + drop, "\xd0\x70\xd1" + drop, one + "\x05", "\x42\x7f" + drop,
		one + ifv + "\x00" + els + "\x0f" + end, one + one + one + "\x1c\x01\x7f" + drop,
	} {
		a := &asm{memories: []string{"\x00\x01"}, tables: []string{"\x70\x00\x01"}}
		a.fn("run", void, "\x01\x02"+i32, code)
		f.Add(a.bytes())
	}
	ctx := context.Background()
	check := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	f.Fuzz(func(t *testing.T, module []byte) {
		out, info, err := Rewrite(module, fuzzConfig())
		if err != nil {
			require.Nil(t, out)
			return
		}
		_, before := check.CompileModule(ctx, withoutCustom(module))
		compiled, after := check.CompileModule(ctx, out)
		require.Equal(t, before == nil, after == nil, "before: %v; after: %v", before, after)
		if after != nil {
			return
		}
		require.NoError(t, compiled.Close(ctx))
		if len(info.Imports) == 0 {
			runEverywhere(t, out)
		}
	})
}

// withoutCustom drops what the rewriter drops: wazero looks into some custom sections.
func withoutCustom(module []byte) []byte {
	out := append([]byte(nil), module[:8]...)
	for r := (reader{b: module, pos: 8, end: len(module)}); r.more(); {
		from := r.pos
		id := r.byte("id")
		r.take(r.u32("size"), "section")
		if id != idCustom {
			out = append(out, module[from:r.pos]...)
		}
	}
	return out
}

// runEverywhere starts a module and calls what it exports, on both engines.
func runEverywhere(t *testing.T, module []byte) {
	type outcome struct {
		started bool
		fuel    []int64
	}
	var outcomes []outcome
	for _, rc := range []wazero.RuntimeConfig{wazero.NewRuntimeConfigInterpreter(), wazero.NewRuntimeConfigCompiler()} {
		rt := wazero.NewRuntimeWithConfig(t.Context(), rc)
		m, err := rt.InstantiateWithConfig(t.Context(), module, wazero.NewModuleConfig().WithStartFunctions())
		o := outcome{started: err == nil}
		if err == nil {
			o.fuel = callAll(t, m)
		}
		outcomes = append(outcomes, o)
		require.NoError(t, rt.Close(t.Context()))
	}
	require.Equal(t, outcomes[0], outcomes[1])
}

func callAll(t *testing.T, m api.Module) (fuel []int64) {
	left := m.ExportedGlobal(FuelGlobal).(api.MutableGlobal)
	for i := range uint32(8) {
		for name, f := range m.ExportedFunctionDefinitions() {
			if f.Index() != i {
				continue
			}
			left.Set(10_000)
			m.ExportedGlobal(DepthGlobal).(api.MutableGlobal).Set(100)
			_, _ = m.ExportedFunction(name).Call(t.Context(), make([]uint64, words(f.ParamTypes()))...)
			fuel = append(fuel, int64(left.Get()))
			require.Greater(t, int64(left.Get()), int64(-1<<40), "the fuel cannot run far below zero")
		}
	}
	return fuel
}

// words is the number of 64-bit words that arguments of the types take.
func words(types []api.ValueType) int {
	n := len(types)
	for _, t := range types {
		if t == 0x7b {
			n++
		}
	}
	return n
}
