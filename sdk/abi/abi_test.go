package abi_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/sdk/abi"
)

// message is what every message of the ABI does; the tests are its users.
type message interface {
	Append(dst []byte) ([]byte, error)
	Decode(b []byte) error
}

func yes() *bool { v := true; return &v }

// full has one message of each type with every field set.
func full() map[string]message {
	return map[string]message{
		"description": &abi.Description{
			Kind: abi.KindAction, Name: "voice", Version: "1.0.0", ABI: abi.Version,
			Actions: []abi.Action{{
				Name: "say", Title: "Say", Description: "says \"it\"\n", InputSchema: abi.Raw(`{"type":"object"}`),
				OutputSchema: abi.Raw(`{}`), Annotations: abi.Annotations{Title: "T", ReadOnly: yes(), Destructive: new(bool), Idempotent: yes(), OpenWorld: yes()},
			}},
			Capabilities: []string{"clock"},
		},
		"act input": &abi.ActInput{
			Action: "say", Arguments: abi.Raw(`{"text":"héllo"}`), Session: "s1", TimeNS: math.MaxInt64, Seed: math.MaxUint64,
			State: &abi.State{
				Field: "co2", Master: [2]float64{0.5, -0.25}, Emissary: [2]float64{1e-9, 1}, Sync: [2]float64{0.1, 0.2},
				Phase: -3.1, PhaseRate: 1e21, Nu: 12.5, Margins: []abi.Margin{{Name: "effect", Margin: -0.1}},
			},
			Context: abi.Raw(`[1,2]`),
		},
		"act output": &abi.ActOutput{
			Content:    []abi.Content{{Type: "text", Text: "a\u2028\x01<>&"}, {Type: "image", Data: "aGk=", MimeType: "image/png"}},
			Structured: abi.Raw(`{"n":1}`), Request: &abi.Request{Action: "say", Arguments: abi.Raw(`{}`)},
		},
		"observe input":  &abi.ObserveInput{Records: []abi.Record{{Index: 7, Level: "macro", Type: "decision", At: -1, Data: abi.Raw(`{"v":null}`)}}},
		"observe output": &abi.ObserveOutput{Observations: []abi.Observation{{Index: 7, Type: "tally", Data: abi.Raw(`{"n":1}`)}}},
		"sense input":    &abi.SenseInput{Channel: "mic", TimeNS: 1, Seed: 2, MimeType: "audio/wav", Text: "t", Data: "aGk="},
		"sense output": &abi.SenseOutput{Samples: []abi.Sample{
			{T: 1, Channel: "c", U: [][2]float64{{1, 0}, {0, 1}}}, {T: 2, X: []float64{1.5}}, {T: 3, Phase: []float64{0.5}}, {T: 4, Event: true},
		}},
	}
}

func empty(m message) message {
	switch m.(type) {
	case *abi.Description:
		return new(abi.Description)
	case *abi.ActInput:
		return new(abi.ActInput)
	case *abi.ActOutput:
		return new(abi.ActOutput)
	case *abi.ObserveInput:
		return new(abi.ObserveInput)
	case *abi.ObserveOutput:
		return new(abi.ObserveOutput)
	case *abi.SenseInput:
		return new(abi.SenseInput)
	}
	return new(abi.SenseOutput)
}

// encoding/json is the oracle: both codecs must read each other's text as the same message.
func TestMessagesAgreeWithEncodingJSON(t *testing.T) {
	for name, m := range full() {
		t.Run(name, func(t *testing.T) {
			own, err := m.Append(nil)
			require.NoError(t, err)
			std, err := json.Marshal(m)
			require.NoError(t, err)
			require.JSONEq(t, string(std), string(own))
			back := empty(m)
			require.NoError(t, back.Decode(own))
			require.Equal(t, m, back)
			back = empty(m)
			require.NoError(t, back.Decode(std))
			require.Equal(t, m, back)
			back = empty(m)
			require.NoError(t, json.Unmarshal(own, back))
			require.Equal(t, m, back)
		})
	}
}

func TestUnknownFieldsAndNullsAreIgnored(t *testing.T) {
	var m abi.ActInput
	text := ` {"new":{"a":[1,{"b":"c"}],"d":-1.5e+3},"action":"say","arguments":null,"state":null,"seed":null,"more":[true,false,null],"action":"last"} `
	require.NoError(t, m.Decode([]byte(text)))
	require.Equal(t, abi.ActInput{Action: "last"}, m)
	var o abi.ActOutput
	require.NoError(t, o.Decode([]byte(`null`)))
	require.Equal(t, abi.ActOutput{}, o)
}

func TestDecodeRefuses(t *testing.T) {
	deep := `{"context":` + strings.Repeat("[", abi.MaxDepth) + strings.Repeat("]", abi.MaxDepth) + `}`
	for text, want := range map[string]string{
		``:                         "want an object",
		`{`:                        "want a string",
		`[]`:                       "want an object",
		`{"action":1}`:             "want a string",
		`{"action":"a}`:            "string without an end",
		`{"action":"\x"}`:          "unknown escape",
		`{"action":"\u12"}`:        "hexadecimal",
		"{\"action\":\"\n\"}":      "control character",
		`{"time_ns":1.5}`:          "no integer",
		`{"seed":-1}`:              "0…2^64-1",
		`{"seed":01}`:              "want ',' or '}'",
		`{"x":+1}`:                 "want a number",
		`{"x":1.}`:                 "digits after",
		`{"x":1e}`:                 "exponent",
		`{"x":tru}`:                "true or false",
		`{"state":{"nu":1e999}}`:   "float64",
		`{"state":{"T_sync":[1]}}`: "[re, im]",
		`{"action":"a",}`:          "want a string",
		`{"action":"a"} x`:         "more after",
		deep:                       "nested deeper than 64",
	} {
		var m abi.ActInput
		require.ErrorContains(t, m.Decode([]byte(text)), want, "%s", text)
	}
	var d abi.Description
	many := `{"actions":[` + strings.TrimSuffix(strings.Repeat("{},", abi.MaxActions+1), ",") + `]}`
	require.ErrorContains(t, d.Decode([]byte(many)), "more than 256 items")
}

func TestAppendRefuses(t *testing.T) {
	dst := []byte("kept")
	for want, m := range map[string]message{
		"phase: not finite":    &abi.ActInput{State: &abi.State{Phase: math.NaN()}},
		"arguments":            &abi.ActInput{Arguments: abi.Raw(`{"a"`)},
		"records: 4097 items":  &abi.ObserveInput{Records: make([]abi.Record, abi.MaxBatch+1)},
		"content: 257 items":   &abi.ActOutput{Content: make([]abi.Content, abi.MaxContent+1)},
		"more after the end":   &abi.ActOutput{Structured: abi.Raw(`{},"content":[]`)},
		"nested deeper than 6": &abi.ActOutput{Structured: abi.Raw(strings.Repeat("[", 65) + strings.Repeat("]", 65))},
	} {
		got, err := m.Append(dst)
		require.ErrorContains(t, err, want)
		require.Equal(t, "kept", string(got))
	}
}

func TestAnswer(t *testing.T) {
	payload, err := abi.Answer(abi.AppendAnswer(nil, []byte("{}")))
	require.NoError(t, err)
	require.Equal(t, "{}", string(payload))

	sent := &abi.Error{Code: abi.CodeInvalid, Message: "text: 0, want 1…80", Retry: true}
	_, err = abi.Answer(abi.AppendError(nil, sent))
	var got *abi.Error
	require.ErrorAs(t, err, &got)
	require.Equal(t, sent, got)

	for _, bad := range []string{"", "\x02{}", "\x01{}", "\x01", "\x01[]"} {
		_, err = abi.Answer([]byte(bad))
		require.Error(t, err, "%q", bad)
		require.NotErrorAs(t, err, &got, "%q", bad)
	}
}

func TestDescriptionValidate(t *testing.T) {
	good := func() abi.Description { return *full()["description"].(*abi.Description) }
	d := good()
	require.NoError(t, d.Validate())
	for want, change := range map[string]func(d *abi.Description){
		`abi "bo2": want bo1`:                  func(d *abi.Description) { d.ABI = "bo2" },
		`kind "x": want action, observer or`:   func(d *abi.Description) { d.Kind = "x" },
		`name "Voice": want 1 to 64`:           func(d *abi.Description) { d.Name = "Voice" },
		`actions: none`:                        func(d *abi.Description) { d.Actions = nil },
		`only an action plugin`:                func(d *abi.Description) { d.Kind = abi.KindObserver },
		`actions[1].name "say": want a name`:   func(d *abi.Description) { d.Actions = append(d.Actions, d.Actions[0]) },
		`actions[0].name "": want`:             func(d *abi.Description) { d.Actions = []abi.Action{{}} },
		`actions[0].input_schema "true": want`: func(d *abi.Description) { d.Actions = []abi.Action{{Name: "a", InputSchema: abi.Raw("true")}} },
	} {
		d := good()
		change(&d)
		require.ErrorContains(t, d.Validate(), want)
	}
}

func TestActOutputValidate(t *testing.T) {
	require.NoError(t, full()["act output"].(*abi.ActOutput).Validate())
	for want, m := range map[string]abi.ActOutput{
		`content[0].type "html"`: {Content: []abi.Content{{Type: "html"}}},
		`content[0].data: want`:  {Content: []abi.Content{{Type: "image", Data: "a=b="}}},
		`set on text`:            {Content: []abi.Content{{Type: "text", Data: "aGk="}}},
		`structured: want`:       {Structured: abi.Raw(`[1]`)},
		`request: want`:          {Request: &abi.Request{}},
	} {
		require.ErrorContains(t, m.Validate(), want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range full() {
		b, err := m.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"action":"\ud83d\ude00\ud83d\u0041","seed":18446744073709551615,"x":[[],{}]}`))
	f.Add([]byte("{\"action\":\"\xff\xfe\",\"time_ns\":-0}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range full() {
			m = empty(m)
			if m.Decode(b) != nil {
				continue
			}
			require.True(t, json.Valid(b), "accepted what is no JSON: %q", b)
			out, err := m.Append(nil)
			require.NoError(t, err)
			back := empty(m)
			require.NoError(t, back.Decode(out))
			again, err := back.Append(nil)
			require.NoError(t, err)
			require.Equal(t, string(out), string(again))
		}
		_, _ = abi.Answer(b)
	})
}

func BenchmarkActInput(b *testing.B) {
	m := full()["act input"]
	text, err := m.Append(nil)
	require.NoError(b, err)
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			text, _ = m.Append(text[:0])
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		var in abi.ActInput
		for b.Loop() {
			_ = in.Decode(text)
		}
	})
}

func ExampleActInput_Append() {
	in := abi.ActInput{Action: "say", Arguments: abi.Raw(`{"text":"hello"}`), TimeNS: 1, Seed: 2}
	b, err := in.Append(nil)
	fmt.Println(string(b), err)
	// Output: {"action":"say","arguments":{"text":"hello"},"time_ns":1,"seed":2} <nil>
}

func ExampleAnswer() {
	answer := abi.AppendError(nil, &abi.Error{Code: "too_loud", Message: "volume 11: want 0…10"})
	_, err := abi.Answer(answer)
	fmt.Printf("%d %v\n", answer[0], err)
	// Output: 1 too_loud: volume 11: want 0…10
}

func TestValues(t *testing.T) {
	object := abi.Raw(`{"a":"x","n":-1.5e1,"z":null,"a":"y\n"}`)
	v, ok := abi.Field(object, "a")
	require.True(t, ok)
	text, err := abi.Text(v)
	require.NoError(t, err)
	require.Equal(t, "y\n", text)
	require.Equal(t, `"y\n"`, string(abi.AppendText(nil, text)))
	v, ok = abi.Field(object, "n")
	require.True(t, ok)
	n, err := abi.Number(v)
	require.NoError(t, err)
	require.Equal(t, -15.0, n)
	for _, absent := range []string{"z", "b"} {
		_, ok = abi.Field(object, absent)
		require.False(t, ok)
	}
	_, ok = abi.Field(abi.Raw(`[1]`), "a")
	require.False(t, ok)
	_, err = abi.Text(abi.Raw(`null`))
	require.Error(t, err)
	_, err = abi.Number(abi.Raw(`null`))
	require.Error(t, err)
}
