// Command voice is an action plugin: it says things, and announces that a signal is coherent. What
// must hold before it may speak is its manifest's business, not its own.
package main

import (
	"strconv"

	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

func main() { sdk.Serve(plugin()) }

const maxText = 500 // characters, as the schemas say

func plugin() *sdk.Plugin {
	return &sdk.Plugin{Name: "voice", Version: "1.0.0", Actions: []sdk.Action{
		{
			Action: abi.Action{
				Name: "say", Title: "Say", Description: "Says a sentence.",
				InputSchema:  abi.Raw(`{"type":"object","properties":{"text":{"type":"string","minLength":1,"maxLength":500,"description":"what to say"}},"required":["text"],"additionalProperties":false}`),
				OutputSchema: abi.Raw(said), Annotations: harmless(),
			},
			Do: func(in *abi.ActInput) (abi.ActOutput, error) { return speak(in, "") },
		},
		announcement("announce", "Announces that the CO2 record is coherent.", "the CO2 record is coherent"),
		announcement("announce-shuffled", "Announces that the shuffled CO2 record is coherent, which it never is.", "the shuffled CO2 record is coherent"),
	}}
}

const said = `{"type":"object","properties":{"said":{"type":"string"},"field":{"type":"string"},"coherence":{"type":"number"}},"required":["said"]}`

func announcement(name, description, otherwise string) sdk.Action {
	return sdk.Action{
		Action: abi.Action{
			Name: name, Title: "Announce", Description: description,
			InputSchema:  abi.Raw(`{"type":"object","properties":{"text":{"type":"string","minLength":1,"maxLength":500,"description":"what to announce; without it, that the field is coherent"}},"additionalProperties":false}`),
			OutputSchema: abi.Raw(said), Annotations: harmless(),
		},
		Do: func(in *abi.ActInput) (abi.ActOutput, error) { return speak(in, otherwise) },
	}
}

func harmless() abi.Annotations {
	no, yes := false, true
	return abi.Annotations{ReadOnly: &no, Destructive: &no, Idempotent: &yes, OpenWorld: &no}
}

// speak says the argument text, or otherwise if there is none, and with which coherence.
func speak(in *abi.ActInput, otherwise string) (abi.ActOutput, error) {
	text := otherwise
	if v, ok := abi.Field(in.Arguments, "text"); ok {
		var err error
		if text, err = abi.Text(v); err != nil {
			return abi.ActOutput{}, sdk.Invalid("text: want a string of 1…" + strconv.Itoa(maxText) + " characters")
		}
	}
	if text == "" {
		return abi.ActOutput{}, sdk.Invalid("text: missing, want a string of 1…" + strconv.Itoa(maxText) + " characters")
	}
	structured := append(abi.AppendText([]byte(`{"said":`), text), '}')
	if s := in.State; s != nil {
		structured = append(abi.AppendText(append(structured[:len(structured)-1], `,"field":`...), s.Field), `,"coherence":`...)
		structured = append(strconv.AppendFloat(structured, s.Sync[0]*s.Sync[0]+s.Sync[1]*s.Sync[1], 'g', -1, 64), '}')
	}
	return sdk.Text(text, structured), nil
}
