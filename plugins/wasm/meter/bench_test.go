package meter

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// compute are the functions of testdata/compute.c and an argument that takes about a millisecond.
var compute = []struct {
	name string
	arg  uint64
}{
	{"hash", 100_000}, {"crc", 20_000}, {"matmul", 64}, {"sieve", 100_000}, {"sort", 10_000}, {"parse", 1_000},
	{"fib", 25}, {"collatz", 3_000},
}

func BenchmarkRun(b *testing.B) {
	original, err := os.ReadFile("testdata/compute.wasm")
	require.NoError(b, err)
	cfg := DefaultConfig()
	cfg.StartFuel = MaxFuel
	for _, c := range compute {
		for name, module := range map[string][]byte{"original": original, "metered": rewrite(b, original, cfg)} {
			m := instantiate(b, wazero.NewRuntimeConfigCompiler(), module)
			f := m.ExportedFunction(c.name)
			b.Run(c.name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if _, err := f.Call(b.Context(), c.arg); err != nil {
						b.Fatal(err)
					}
				}
				if fuel := m.ExportedGlobal(FuelGlobal); fuel != nil {
					b.ReportMetric(float64(MaxFuel-int64(fuel.Get()))/float64(b.N), "fuel/op")
					fuel.(api.MutableGlobal).Set(MaxFuel)
				}
			})
		}
	}
}

// BenchmarkGo runs the Go guest of the tests with and without fuel.
func BenchmarkGo(b *testing.B) {
	original := goGuest(b)
	cfg := DefaultConfig()
	cfg.StartFuel = MaxFuel
	for name, module := range map[string][]byte{"original": original, "metered": rewrite(b, original, cfg)} {
		m := instantiate(b, wazero.NewRuntimeConfigCompiler(), module)
		for _, f := range []struct {
			name string
			arg  uint64
		}{{"json", 10}, {"hash", 1_000}} {
			call := m.ExportedFunction(f.name)
			b.Run(f.name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					setFull(m.Module)
					if _, err := call.Call(b.Context(), f.arg); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func setFull(m api.Module) {
	if fuel, ok := m.ExportedGlobal(FuelGlobal).(api.MutableGlobal); ok {
		fuel.Set(MaxFuel)
		m.ExportedGlobal(DepthGlobal).(api.MutableGlobal).Set(uint64(DefaultConfig().MaxDepth))
	}
}

func BenchmarkRewrite(b *testing.B) {
	module := goGuest(b)
	b.SetBytes(int64(len(module)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Rewrite(module, DefaultConfig()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompile is what an installation pays once.
func BenchmarkCompile(b *testing.B) {
	original := goGuest(b)
	for name, module := range map[string][]byte{"original": original, "metered": rewrite(b, original, DefaultConfig())} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				rt := wazero.NewRuntimeWithConfig(b.Context(), wazero.NewRuntimeConfigCompiler())
				if _, err := rt.CompileModule(b.Context(), module); err != nil {
					b.Fatal(err)
				}
				_ = rt.Close(context.WithoutCancel(b.Context()))
			}
		})
	}
}
