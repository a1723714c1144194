// Command plugin-name is a plugin for BecomingONE. bo1/sdk says what there is to call.
package main

import (
	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

func main() { sdk.Serve(plugin()) }

func plugin() *sdk.Plugin {
	return &sdk.Plugin{Name: "plugin-name", Version: "0.1.0", Actions: []sdk.Action{{
		Action: abi.Action{
			Name: "hello", Title: "Hello", Description: "Greets somebody by name.",
			InputSchema: abi.Raw(`{"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":100,` +
				`"description":"whom to greet; without it, the world"}},"additionalProperties":false}`),
			OutputSchema: abi.Raw(`{"type":"object","properties":{"greeting":{"type":"string"}},"required":["greeting"]}`),
		},
		Do: hello,
	}}}
}

func hello(in *abi.ActInput) (abi.ActOutput, error) {
	name := "world"
	if v, ok := abi.Field(in.Arguments, "name"); ok {
		var err error
		if name, err = abi.Text(v); err != nil || name == "" {
			return abi.ActOutput{}, sdk.Invalid("name: want a string that is not empty")
		}
	}
	greeting := "Hello, " + name + "!"
	// The text is for people, the object for programs, as OutputSchema says.
	return sdk.Text(greeting, append(abi.AppendText([]byte(`{"greeting":`), greeting), '}')), nil
}
