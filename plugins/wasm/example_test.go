package wasm_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/wasm"
	"github.com/becomingone/becomingone/sdk/abi"
)

func ExampleLoader_Load() {
	ctx := context.Background()
	l, err := wasm.NewLoader(wasm.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close(ctx)
	m := plugins.Manifest{Name: "raw", SHA256: strings.Repeat("0", 64), Limits: plugins.DefaultLimits()}
	p, err := l.Load(ctx, m, guest{}.bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close(ctx)
	answer, err := p.Call(ctx, plugins.Call{Op: abi.OpAct, In: []byte(`{"content":[]}`)}, nil)
	fmt.Printf("%d %s %v\n", answer[0], answer[1:], err)
	// Output: 0 {"content":[]} <nil>
}
