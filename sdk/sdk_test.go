package sdk_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

func greeter() *sdk.Plugin {
	return &sdk.Plugin{Name: "greeter", Version: "1.0.0", Actions: []sdk.Action{
		{Action: abi.Action{Name: "greet"}, Do: func(in *abi.ActInput) (abi.ActOutput, error) {
			return sdk.Text("hello "+in.Session, in.Arguments), nil
		}},
		{Action: abi.Action{Name: "refuse"}, Do: func(*abi.ActInput) (abi.ActOutput, error) {
			return abi.ActOutput{}, sdk.Invalid("volume 11: want 0…10")
		}},
		{Action: abi.Action{Name: "break"}, Do: func(*abi.ActInput) (abi.ActOutput, error) {
			return abi.ActOutput{}, errors.New("out of breath")
		}},
	}}
}

func TestCall(t *testing.T) {
	for _, c := range []struct {
		op   abi.Op
		in   string
		want string
	}{
		{abi.OpAct, `{"action":"greet","session":"s","arguments":{"a":1}}`, "\x00" + `{"content":[{"type":"text","text":"hello s"}],"structured":{"a":1}}`},
		{abi.OpAct, `{"action":"refuse"}`, "\x01" + `{"code":"invalid","message":"volume 11: want 0…10"}`},
		{abi.OpAct, `{"action":"break"}`, "\x01" + `{"code":"internal","message":"out of breath"}`},
		{abi.OpAct, `{"action":"fly"}`, "\x01" + `{"code":"unsupported","message":"action fly: greeter has none of that name"}`},
		{abi.OpAct, `{"action":`, "\x01" + `{"code":"invalid","message":"abi: decode act input: byte 10: want a string"}`},
		{abi.OpObserve, `{}`, "\x01" + `{"code":"unsupported","message":"operation observe: greeter does not know it"}`},
		{abi.Op(77), ``, "\x01" + `{"code":"unsupported","message":"operation op(77): greeter does not know it"}`},
	} {
		got := greeter().Call(c.op, []byte(c.in), []byte("kept"))
		require.Equal(t, "kept"+c.want, string(got))
	}
}

func TestDescribe(t *testing.T) {
	observe := func(*abi.ObserveInput) (abi.ObserveOutput, error) { return abi.ObserveOutput{}, nil }
	sense := func(*abi.SenseInput) (abi.SenseOutput, error) { return abi.SenseOutput{}, nil }
	for kind, p := range map[string]*sdk.Plugin{
		abi.KindAction:   greeter(),
		abi.KindObserver: {Name: "o", Observe: observe},
		abi.KindInput:    {Name: "i", Sense: sense},
	} {
		payload, err := abi.Answer(p.Call(abi.OpDescribe, nil, nil))
		require.NoError(t, err)
		var d abi.Description
		require.NoError(t, d.Decode(payload))
		require.Equal(t, kind, d.Kind)
		require.Equal(t, p.Describe(), d)
	}
	for name, p := range map[string]*sdk.Plugin{
		"nothing to do": {Name: "empty"},
		"two kinds":     {Name: "both", Actions: greeter().Actions, Observe: observe},
		"no name":       {Observe: observe},
	} {
		_, err := abi.Answer(p.Call(abi.OpDescribe, nil, nil))
		require.Error(t, err, name)
	}
}

func ExamplePlugin_Call() {
	p := &sdk.Plugin{Name: "counter", Version: "0.1.0", Observe: func(in *abi.ObserveInput) (abi.ObserveOutput, error) {
		last := in.Records[len(in.Records)-1]
		return abi.ObserveOutput{Observations: []abi.Observation{{Index: last.Index, Type: "seen"}}}, nil
	}}
	answer := p.Call(abi.OpObserve, []byte(`{"records":[{"index":4,"level":"micro","type":"sample","at":1}]}`), nil)
	fmt.Printf("%d %s\n", answer[0], answer[1:])
	// Output: 0 {"observations":[{"index":4,"type":"seen"}]}
}
