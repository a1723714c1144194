package meter_test

import (
	"context"
	"fmt"

	"github.com/becomingone/becomingone/plugins/wasm/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// A guest that loops for ever is stopped when its fuel is used up, and the host can tell why.
func ExampleRewrite() {
	guest := []byte("\x00asm\x01\x00\x00\x00" +
		"\x01\x04\x01\x60\x00\x00" + // type 0: () → ()
		"\x03\x02\x01\x00" + // function 0 has type 0
		"\x07\x08\x01\x04spin\x00\x00" + // and is exported as spin
		"\x0a\x09\x01\x07\x00\x03\x40\x0c\x00\x0b\x0b") // loop br 0 end

	metered, info, err := meter.Rewrite(guest, meter.DefaultConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	rt := wazero.NewRuntime(ctx)
	defer rt.Close(ctx)
	mod, err := rt.Instantiate(ctx, metered)
	if err != nil {
		fmt.Println(err)
		return
	}
	fuel := mod.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal)
	depth := mod.ExportedGlobal(meter.DepthGlobal).(api.MutableGlobal)

	fuel.Set(1_000_000)
	depth.Set(uint64(meter.DefaultConfig().MaxDepth))
	_, err = mod.ExportedFunction("spin").Call(ctx)
	fmt.Println(info.Charges, "charges; trapped:", err != nil, "exhausted:", int64(fuel.Get()) < 0)
	// Output: 2 charges; trapped: true exhausted: true
}

// A module is refused before anything of it is compiled.
func ExampleError() {
	cfg := meter.DefaultConfig()
	cfg.MaxPages = 16
	_, _, err := meter.Rewrite([]byte("\x00asm\x01\x00\x00\x00\x05\x03\x01\x00\x20"), cfg)
	fmt.Println(err)
	// Output: meter: memory section at 0xc: at least 32 pages: at most 16
}

func ExampleConfig_Validate() {
	cfg := meter.DefaultConfig()
	cfg.MaxPages = 100_000
	fmt.Println(cfg.Validate())
	// Output: meter: MaxPages 100000: not in 0…65536
}
