package plugintest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/becomingone/becomingone/sdk/abi"
)

// The world of every call: a guest must need nothing else of it.
const (
	timeNS = 1_767_312_245_000_000_001 // above 2^53: to be read as an integer
	seed   = 18_446_744_073_709_551_615
)

// message is what a plugin of a kind is sent: an operation and a well-formed input.
type message struct {
	name   string // for a person
	op     abi.Op
	in     []byte
	action string // for OpAct
	first  uint64 // index of the first record, for OpObserve
	count  int    // of records
}

func actMessage(action string, arguments json.RawMessage) message {
	in := fmt.Sprintf(`{"action":%q,"arguments":%s,"session":"s-1","time_ns":%d,"seed":%d,"state":{"field":"co2",`+
		`"T_master":[0.5,-0.25],"T_emissary":[0,1],"T_sync":[0.25,0.375],"phase":0.982793723247329,"phase_rate":1.99e-07,`+
		`"nu":12.5,"margins":[{"name":"effect","margin":0.125}]},"context":{"attempt":1}}`, action, arguments, timeNS, uint64(seed))
	return message{name: action, op: abi.OpAct, in: []byte(in), action: action}
}

func observeMessage(n int) message {
	var b strings.Builder
	b.WriteString(`{"records":[`)
	const first = 1 << 60
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		kind := []string{"sample", "decision", "action", "kind-of-tomorrow"}[i%4]
		fmt.Fprintf(&b, `{"index":%d,"level":"micro","type":%q,"at":%d,"data":{"ch":"co2","n":%d}}`, first+i, kind, timeNS+i, i)
	}
	b.WriteString("]}")
	return message{name: fmt.Sprintf("%d records", n), op: abi.OpObserve, in: []byte(b.String()), first: first, count: n}
}

func senseMessages(channel string) []message {
	sense := func(name, rest string) message {
		return message{name: name, op: abi.OpSense, in: fmt.Appendf(nil, `{"channel":%q,"time_ns":%d,"seed":%d%s}`, channel, timeNS, uint64(seed), rest)}
	}
	return []message{
		sense("text", `,"text":"one two three, z\u00fcrich \ud83d\ude00"`),
		sense("empty text", `,"text":""`),
		sense("nothing", ``),
		sense("data", `,"mimeType":"application/octet-stream","data":"AAECAwQFBgcICQ=="`),
		sense("data that is no base64", `,"mimeType":"audio/wav","data":"a=b"`),
		sense("data without a type", `,"data":"aGk="`),
	}
}

// variants are messages that mean the same as in: the answer must not change.
func variants(in []byte) map[string][]byte {
	rest := string(in[1:]) // behind '{'
	join := func(parts ...string) []byte { return []byte(strings.Join(parts, "")) }
	name := rest[1 : 1+strings.IndexByte(rest[1:], '"')] // of the first field
	return map[string][]byte{
		"unknown fields before": join(`{"x-tomorrow":{"a":[1,{"b":null}],"c":"}"},"":0,`, rest),
		"unknown fields behind": join(strings.TrimSuffix(string(in), "}"), `,"x-tomorrow":[[],{},"]",1e400,-0.5,true]}`),
		"space":                 join(" \n\t\r{ \n", rest, "\r\n "),
		"the last of two":       join(`{"`, name, `":null,`, rest),
		"escaped name":          join(`{"`, fmt.Sprintf(`\u%04x`, name[0]), rest[2:]),
		"null is absence":       join(`{"nothing":null,`, rest),
	}
}

// malformed are messages that no JSON object is: the answer must be an error with the code invalid.
func malformed(in []byte) map[string][]byte {
	out := map[string][]byte{
		"empty": nil, "space": []byte("  "), "null byte": {0}, "array": []byte("[]"), "number": []byte("1"), "text": []byte(`"x"`),
		"two messages":      append(append([]byte{}, in...), in...),
		"behind the end":    append(append([]byte{}, in...), 'x'),
		"no value":          []byte(`{"action"}`),
		"no name":           []byte(`{1:2}`),
		"trailing comma":    []byte(`{"a":1,}`),
		"single quotes":     []byte(`{'a':1}`),
		"leading zero":      []byte(`{"a":01}`),
		"plus":              []byte(`{"a":+1}`),
		"bare point":        []byte(`{"a":1.}`),
		"NaN":               []byte(`{"a":NaN}`),
		"half a word":       []byte(`{"a":tru}`),
		"broken escape":     []byte(`{"a":"\x"}`),
		"short escape":      []byte(`{"a":"\u00"}`),
		"control character": []byte("{\"a\":\"\n\"}"),
		"mixed brackets":    []byte(`{"a":[1}}`),
		"endless nesting":   []byte(`{"a":` + strings.Repeat("[", 100_000)),
		"garbage":           []byte("\xff\xfe\x00\x01\x80\xc0{{{[[[\"\\"),
	}
	for i := 1; i < len(in); i = i*2 + 1 {
		out[fmt.Sprintf("cut at %d", i)] = in[:i:i]
	}
	return out
}

// odd are messages that may be answered either way, but must be answered.
func odd(m message) map[string][]byte {
	field := map[abi.Op]string{abi.OpAct: "action", abi.OpObserve: "records", abi.OpSense: "text"}[m.op]
	out := map[string][]byte{
		"empty object":     []byte("{}"),
		"nesting of 64":    fmt.Appendf(nil, `{"x":%s%s}`, strings.Repeat("[", 63), strings.Repeat("]", 63)),
		"nesting of 65":    fmt.Appendf(nil, `{"x":%s%s}`, strings.Repeat("[", 64), strings.Repeat("]", 64)),
		"lone surrogate":   fmt.Appendf(nil, `{"%s":"\ud800","y":"\udc00x"}`, field),
		"no UTF-8":         fmt.Appendf(nil, "{\"%s\":\"\xff\xc3\xe2\x82\"}", field),
		"NUL in a text":    fmt.Appendf(nil, `{"%s":"a\u0000b"}`, field),
		"time out of int":  fmt.Appendf(nil, `{"%s":null,"time_ns":9223372036854775808}`, field),
		"time with point":  fmt.Appendf(nil, `{"%s":null,"time_ns":1.5}`, field),
		"seed out of uint": fmt.Appendf(nil, `{"%s":null,"seed":18446744073709551616}`, field),
		"seed below 0":     fmt.Appendf(nil, `{"%s":null,"seed":-1}`, field),
	}
	for _, v := range []string{`0`, `-1e308`, `1e999`, `"x"`, `true`, `null`, `[]`, `[[[]]]`, `{}`, `[null,{"index":"x"},[]]`, `{"type":[]}`} {
		out[field+" "+v] = fmt.Appendf(nil, `{"%s":%s}`, field, v)
		if m.op == abi.OpAct {
			out["arguments "+v] = fmt.Appendf(nil, `{"action":%q,"arguments":%s}`, m.action, v)
			out["state "+v] = fmt.Appendf(nil, `{"action":%q,"state":%s,"arguments":{}}`, m.action, v)
		}
	}
	return out
}
