// Command hello-go is an action plugin in Go: it greets. The same in C, AssemblyScript and Rust is
// beside it. The file is not called main.go, so that `make guests` leaves it out of the demo.
package main

import (
	"strconv"
	"unicode/utf8"

	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

func main() { sdk.Serve(plugin()) }

const most = 100 // characters of a name, as the schema says

func plugin() *sdk.Plugin {
	no, yes := false, true
	return &sdk.Plugin{Name: "hello-go", Version: "1.0.0", Actions: []sdk.Action{{
		Action: abi.Action{
			Name: "hello", Title: "Hello", Description: "Greets somebody by name.",
			InputSchema: abi.Raw(`{"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":100,` +
				`"description":"whom to greet"}},"required":["name"],"additionalProperties":false}`),
			OutputSchema: abi.Raw(`{"type":"object","properties":{"greeting":{"type":"string"},"characters":{"type":"integer"},` +
				`"time_ns":{"type":"integer"},"coherence":{"type":"number"}},"required":["greeting","characters","time_ns"]}`),
			Annotations: abi.Annotations{ReadOnly: &no, Destructive: &no, Idempotent: &yes, OpenWorld: &no},
		},
		Do: hello,
	}}}
}

func hello(in *abi.ActInput) (abi.ActOutput, error) {
	v, _ := abi.Field(in.Arguments, "name")
	name, err := abi.Text(v)
	characters := utf8.RuneCountInString(name)
	if err != nil || characters == 0 || characters > most {
		return abi.ActOutput{}, sdk.Invalid("name: want a string of 1…100 characters")
	}
	greeting := "Hello, " + name + "!"
	b := abi.AppendText([]byte(`{"greeting":`), greeting)
	b = strconv.AppendInt(append(b, `,"characters":`...), int64(characters), 10)
	b = strconv.AppendInt(append(b, `,"time_ns":`...), in.TimeNS, 10)
	if s := in.State; s != nil { // |T_sync|² of the field that the call belongs to
		coherence := float64(s.Sync[0]*s.Sync[0]) + float64(s.Sync[1]*s.Sync[1])
		b = strconv.AppendFloat(append(b, `,"coherence":`...), coherence, 'g', -1, 64)
	}
	return sdk.Text(greeting, append(b, '}')), nil
}
