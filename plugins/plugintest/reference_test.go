package plugintest_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/becomingone/becomingone/sdk/abi"
)

// hello is what an example's action hello answers.
type hello struct {
	Greeting   string   `json:"greeting"`
	Characters int      `json:"characters"`
	TimeNS     int64    `json:"time_ns"`
	Coherence  *float64 `json:"coherence"`
}

// reference is the answer of the action by Go's own codec: the oracle of the other languages'.
func reference(in []byte) (out hello, code string) {
	var m abi.ActInput
	if err := m.Decode(in); err != nil {
		return out, abi.CodeInvalid
	}
	if m.Action != "hello" {
		return out, abi.CodeUnsupported
	}
	v, _ := abi.Field(m.Arguments, "name")
	name, err := abi.Text(v)
	n := utf8.RuneCountInString(name)
	if err != nil || n == 0 || n > 100 {
		return out, abi.CodeInvalid
	}
	out = hello{Greeting: "Hello, " + name + "!", Characters: n, TimeNS: m.TimeNS}
	if m.State != nil {
		c := float64(m.State.Sync[0]*m.State.Sync[0]) + float64(m.State.Sync[1]*m.State.Sync[1])
		out.Coherence = &c
	}
	return out, ""
}

// read takes a guest's answer apart, strictly.
func read(t testing.TB, answer string) (out hello, e abi.Error) {
	payload, err := abi.Answer([]byte(answer))
	if err != nil {
		require.ErrorAs(t, err, new(*abi.Error), "%q", answer)
		require.NoError(t, e.Decode([]byte(answer[1:])))
		return out, e
	}
	var m abi.ActOutput
	require.NoError(t, m.Decode(payload), "%q", answer)
	require.NoError(t, m.Validate())
	require.NoError(t, json.Unmarshal(m.Structured, &out), "%q", answer)
	require.Equal(t, out.Greeting, m.Content[0].Text)
	return out, e
}

var small = []string{"hello-c", "hello-as", "hello-rust"}

func prebuilt(t testing.TB, name string) []byte {
	code, err := os.ReadFile(filepath.Join("../../examples/plugins", name, "testdata", name+".wasm"))
	require.NoError(t, err)
	return code
}

func guests(t testing.TB) map[string]*bare {
	all := map[string]*bare{}
	for _, name := range small {
		all[name] = newBare(t, wazero.NewRuntimeConfig(), prebuilt(t, name))
	}
	return all
}

// agree holds each guest to the reference on one message.
func agree(t testing.TB, all map[string]*bare, in string) {
	want, code := reference([]byte(in))
	for name, g := range all {
		answer, _ := g.call(t, abi.OpAct, in)
		got, e := read(t, answer)
		require.Equal(t, code, e.Code, "%s %q: %s", name, in, e.Message)
		require.Equal(t, want, got, "%s %q", name, in)
	}
}

func TestTextsAgree(t *testing.T) {
	all := guests(t)
	for _, name := range []string{
		`x`, `\"\\\/\b\f\n\r\t`, `\u0000\u001f\u007f`, `zürich 😀`, `\ud83d\ude00`, `\uD83D\uDE00`, `\ud83d`, `\ude00\ud83d`,
		`\ud83d\u0041`, `\ud83dx`, `\ud83d\\u`, "\xff\xc3\xe2\x82x", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\xf0\x9f\x98\x80",
		"\u2028\ufffd\ufeff\U0010ffff", strings.Repeat("é", 100), strings.Repeat("😀", 100), strings.Repeat("x", 101), ``,
	} {
		agree(t, all, `{"action":"hello","arguments":{"name":"`+name+`"}}`)
	}
	r := rand.New(rand.NewPCG(1, 2))
	parts := []string{"a", `\n`, `\"`, `\u00e9`, `\ud83d`, `\ude00`, "é", "😀", "\xff", "\xe2", `\\`, " ", "\x7f", `\u2028`, "{", "]"}
	for range 2000 {
		var b strings.Builder
		for range r.IntN(40) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		agree(t, all, `{"action":"hello","arguments":{"name":"`+b.String()+`"}}`)
	}
}

func TestIntegersAgree(t *testing.T) {
	all := guests(t)
	for _, v := range []string{
		"0", "-0", "1", "-1", "9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
		"-9223372036854775809", "18446744073709551616", "99999999999999999999999", "1.0", "1e3", "-", "01", `"1"`, "null", "true",
	} {
		agree(t, all, `{"action":"hello","arguments":{"name":"x"},"time_ns":`+v+`}`)
	}
}

// Decimals are read to the nearest and written so that they read back, in every language.
func TestNumbersAgree(t *testing.T) {
	all := guests(t)
	try := func(v string) {
		agree(t, all, `{"action":"hello","arguments":{"name":"x"},"state":{"field":"f","T_sync":[`+v+`,0]}}`)
	}
	for _, v := range []string{
		"0", "-0", "0.0", "1", "-1.5", "1e22", "1e23", "9007199254740993", "0.1", "1e-7", "123456789012345678901234567890",
		"5e-324", "2.2250738585072011e-308", "1e-162", "1e-400", "1.3407807929942596e154", "1e154", "0.1e-1000", "1000000000000000000000e-21",
		"0.00000000000000000000000000000000000000000000000000001", "1.00000000000000011102230246251565404236316680908203125",
		"1.00000000000000011102230246251565404236316680908203124", "9.5367431640625e-07", "1e0000000000000000000001", "0e999999999",
	} {
		try(v)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		v := math.Float64frombits(r.Uint64())
		if math.Abs(v) < 1e150 { // its square is finite
			try(fmt.Sprint(v))
			try(fmt.Sprintf("%.30g", v))
		}
	}
	for range 500 {
		try(fmt.Sprintf("%.*f", r.IntN(20), r.Float64()*math.Pow(10, float64(r.IntN(12)))))
	}
}

// A guest in a sandbox says invalid of exactly what is no message, and agrees with Go on the rest.
func FuzzMessages(f *testing.F) {
	all := guests(f)
	for _, in := range []string{
		`{"action":"hello","arguments":{"name":"x"},"time_ns":1,"seed":2,"state":{"field":"f","T_sync":[0.5,1e-3]},"context":{"a":[1,{"b":null}]}}`,
		`{"arguments":{"n\u0061me":"\ud83d\ude00"},"\u0061ction":"hello"}`, `{"action":null,"action":"hello","arguments":{"name":null}}`,
		`{"a":[[],{},"]",1e400,-0.5,true,false,null]}`, " \n{ }\t", `{"a":"\u00zz"}`, "{", `{"a":tru}`, "", "\xff",
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := string(b)
		want, code := reference(b)
		for name, g := range all {
			answer, _ := g.call(t, abi.OpAct, in)
			got, e := read(t, answer)
			if code == "" {
				require.Equal(t, want, got, "%s %q: %v", name, in, e)
			}
			if strings.HasPrefix(e.Message, "message:") {
				require.NotEmpty(t, code, "%s %q", name, in)
			}
		}
	})
}

// The same call costs the same fuel and gives the same answer on both of wazero's engines.
func TestFuelIsTheSameOnBothEngines(t *testing.T) {
	for _, name := range append([]string{"sense-c"}, small...) {
		compiled := newBare(t, wazero.NewRuntimeConfigCompiler(), prebuilt(t, name))
		interpreted := newBare(t, wazero.NewRuntimeConfigInterpreter(), prebuilt(t, name))
		op := abi.OpAct
		if name == "sense-c" {
			op = abi.OpSense
		}
		for _, in := range []string{
			``, `{}`, `{"action":"hello","arguments":{"name":"Zo\u00eb"},"time_ns":1767312245000000001,"state":{"T_sync":[0.2578978978971231,0.37512333e-222]}}`,
			`{"channel":"mic","mimeType":"audio/L16;rate=8000","data":"AAECAwQFBgc=","time_ns":5}`, `{"channel":"words","text":"one two"}`,
			`{"x":` + strings.Repeat("[", 100), `{"a":"` + strings.Repeat("x", 5000) + `"}`,
		} {
			a, fuelA := compiled.call(t, op, in)
			b, fuelB := interpreted.call(t, op, in)
			require.Equal(t, a, b, "%s %q", name, in)
			require.Equal(t, fuelA, fuelB, "%s %q", name, in)
			require.Positive(t, fuelA)
		}
	}
}
