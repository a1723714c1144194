package plugintest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/becomingone/becomingone/plugins/wasm/meter"
	"github.com/becomingone/becomingone/sdk/abi"
)

// bare is a metered guest without imports, run by an engine of choice.
type bare struct {
	mod         api.Module
	fuel, depth api.MutableGlobal
}

func newBare(t testing.TB, engine wazero.RuntimeConfig, code []byte) *bare {
	metered, _, err := meter.Rewrite(code, meter.DefaultConfig())
	require.NoError(t, err)
	r := wazero.NewRuntimeWithConfig(t.Context(), engine)
	t.Cleanup(func() { require.NoError(t, r.Close(t.Context())) })
	mod, err := r.InstantiateWithConfig(t.Context(), metered, wazero.NewModuleConfig().WithStartFunctions())
	require.NoError(t, err)
	return &bare{mod, mod.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal), mod.ExportedGlobal(meter.DepthGlobal).(api.MutableGlobal)}
}

// call returns the answer and what it cost in fuel.
func (b *bare) call(t testing.TB, op abi.Op, in string) (string, int64) {
	const fuel = 1 << 40
	b.fuel.Set(fuel)
	do := func(name string, args ...uint64) uint64 {
		depth := int64(1800)
		b.depth.Set(uint64(depth))
		out, err := b.mod.ExportedFunction(name).Call(t.Context(), args...)
		require.NoError(t, err)
		return out[0]
	}
	ptr := uint64(0)
	if in != "" {
		ptr = do(abi.ExportAlloc, uint64(len(in)))
		require.True(t, b.mod.Memory().WriteString(uint32(ptr), in))
	}
	packed := do(abi.ExportCall, uint64(op), ptr, uint64(len(in)))
	answer, ok := b.mod.Memory().Read(uint32(packed>>32), uint32(packed))
	require.True(t, ok)
	return string(answer), fuel - int64(b.fuel.Get())
}

func compiler() wazero.RuntimeConfig { return wazero.NewRuntimeConfigCompiler() }
