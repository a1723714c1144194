// Command echo-process is an action plugin that runs as a process: it answers with what it is given
// and counts how often. Unlike a guest in the sandbox it has a real clock, files and threads.
package main

import (
	"strconv"

	"github.com/becomingone/becomingone/plugins/process/serve"
	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

func main() { serve.Main(plugin()) }

func plugin() *sdk.Plugin {
	calls := 0 // calls come one at a time
	yes := true
	return &sdk.Plugin{Name: "echo-process", Version: "1.0.0", Actions: []sdk.Action{{
		Action: abi.Action{
			Name: "echo", Title: "Echo", Description: "Answers with the text that it is given.",
			InputSchema:  abi.Raw(`{"type":"object","properties":{"text":{"type":"string","maxLength":500}},"required":["text"],"additionalProperties":false}`),
			OutputSchema: abi.Raw(`{"type":"object","properties":{"text":{"type":"string"},"calls":{"type":"integer","minimum":1}},"required":["text","calls"]}`),
			Annotations:  abi.Annotations{ReadOnly: &yes},
		},
		Do: func(in *abi.ActInput) (abi.ActOutput, error) {
			v, _ := abi.Field(in.Arguments, "text")
			text, err := abi.Text(v)
			if err != nil {
				return abi.ActOutput{}, sdk.Invalid("text: want a string")
			}
			calls++
			structured := strconv.AppendInt(append(abi.AppendText([]byte(`{"text":`), text), `,"calls":`...), int64(calls), 10)
			return sdk.Text(text, append(structured, '}')), nil
		},
	}}}
}
