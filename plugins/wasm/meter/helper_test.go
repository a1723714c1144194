package meter

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// engines are the two that must agree.
var engines = map[string]func() wazero.RuntimeConfig{
	"compiler":    wazero.NewRuntimeConfigCompiler,
	"interpreter": wazero.NewRuntimeConfigInterpreter,
}

func eachEngine(t *testing.T, f func(t *testing.T, rc wazero.RuntimeConfig)) {
	for name, rc := range engines {
		t.Run(name, func(t *testing.T) { f(t, rc()) })
	}
}

func rewrite(t testing.TB, module []byte, cfg Config) []byte {
	out, _, err := Rewrite(module, cfg)
	require.NoError(t, err)
	return out
}

// instance is a module that runs, metered or not.
type instance struct{ api.Module }

func instantiate(t testing.TB, rc wazero.RuntimeConfig, module []byte) instance {
	m, err := tryInstantiate(t, rc, module)
	require.NoError(t, err)
	return m
}

func tryInstantiate(t testing.TB, rc wazero.RuntimeConfig, module []byte) (instance, error) {
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, rc)
	t.Cleanup(func() { require.NoError(t, rt.Close(context.WithoutCancel(ctx))) })
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithFunc(func(x uint32) uint32 { return x + 1 }).Export("inc").Instantiate(ctx)
	require.NoError(t, err)
	m, err := rt.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
	return instance{m}, err
}

// run calls with a budget as a host does, and returns what was used of it.
func (m instance) run(t testing.TB, budget int64, name string, args ...uint64) (results []uint64, used int64, err error) {
	fuel, metered := m.ExportedGlobal(FuelGlobal).(api.MutableGlobal)
	if metered {
		fuel.Set(uint64(budget))
	}
	if depth, ok := m.ExportedGlobal(DepthGlobal).(api.MutableGlobal); ok {
		depth.Set(uint64(DefaultConfig().MaxDepth))
	}
	results, err = m.ExportedFunction(name).Call(t.Context(), args...)
	if metered {
		used = budget - int64(fuel.Get())
	}
	return results, used, err
}

func (m instance) depth() int64 { return int64(m.ExportedGlobal(DepthGlobal).Get()) }

const plenty = 1 << 40
