package process_test

import (
	"context"
	"fmt"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/process"
	"github.com/becomingone/becomingone/sdk/abi"
)

// The test binary stands for the plugin's file.
func ExampleLoader() {
	ctx := context.Background()
	l, err := process.NewLoader(process.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	code, _ := self()
	p, err := l.Load(ctx, manifest("tally"), code)
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := p.Call(ctx, plugins.Call{Op: abi.OpObserve, In: []byte(`{"records":[{"index":7}]}`)}, nil)
	fmt.Println(p.Description().Kind, string(answer[1:]), err)
	fmt.Println(p.Close(ctx), l.Close(ctx))
	// Output:
	// observer {"observations":[{"index":7,"type":"seen","data":1}]} <nil>
	// <nil> <nil>
}
