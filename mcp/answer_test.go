package mcp

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/gate"
)

// golden compares got, indented, with a file; BECOMINGONE_GOLDEN=write rewrites it, for review.
func golden(t *testing.T, file string, got json.RawMessage) {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, json.Indent(&buf, got, "", "  "))
	buf.WriteByte('\n')
	if os.Getenv("BECOMINGONE_GOLDEN") == "write" {
		require.NoError(t, os.WriteFile(file, buf.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), buf.String())
}

// The answer of a call that was not executed, byte for byte as a client reads it.
func TestGoldenRefusals(t *testing.T) {
	s, _, _ := start(t, Config{})
	c := dial(t, s)
	c.handshake()
	golden(t, "testdata/dissipated.json", c.tool("announce", `{}`).Result)
	golden(t, "testdata/held.json", c.tool("pay", `{}`).Result)
	golden(t, "testdata/dissipated_with_output_schema.json", c.tool("sum", `{"dissipate":true}`).Result)
	golden(t, "testdata/bad_arguments.json", c.tool("say", `{}`).Result)
	golden(t, "testdata/failed.json", c.tool("fail", `{}`).Result)
	golden(t, "testdata/tools.json", c.ask(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`).Result)
}

func TestAnswerOfABrokenNode(t *testing.T) {
	_, err := answer(Result{}, nil)
	require.ErrorContains(t, err, "neither a verdict nor a failure")
	_, err = answer(Result{Verdict: gate.Dissipate, Keys: []gate.Key{{Margin: math.NaN()}}}, nil)
	require.ErrorContains(t, err, "NaN")
	res, err := answer(Result{Err: &Failure{Code: "unknown_action", Message: "gone"}}, nil)
	require.NoError(t, err)
	require.True(t, res.IsError)
	require.Nil(t, res.Meta, "nothing was decided")
	res, err = answer(Result{Verdict: gate.Dissipate}, nil)
	require.NoError(t, err)
	require.Contains(t, string(res.StructuredContent.(json.RawMessage)), `"keys":[]`, "a required array")
}

func TestAnswerContent(t *testing.T) {
	ok := Result{Verdict: gate.Collapse}
	for _, tt := range []struct {
		block Content
		want  string // JSON of the block, or the reason why it is refused
	}{
		{Content{Type: "text", Text: "a"}, `{"type":"text","text":"a"}`},
		{Content{Type: "image", Data: []byte("abc"), MIMEType: "image/png"}, `{"type":"image","data":"YWJj","mimeType":"image/png"}`},
		{Content{Type: "audio", Data: []byte("abc"), MIMEType: "audio/wav"}, `{"type":"audio","data":"YWJj","mimeType":"audio/wav"}`},
		{Content{Type: "resource", URI: "x://y", Text: "a", MIMEType: "text/plain"}, `{"type":"resource","resource":{"uri":"x://y","mimeType":"text/plain","text":"a"}}`},
		{Content{Type: "resource", URI: "x://y", Data: []byte("abc")}, `{"type":"resource","resource":{"uri":"x://y","blob":"YWJj"}}`},
		{Content{Type: "resource_link", URI: "x://y", Name: "y"}, `{"type":"resource_link","uri":"x://y","name":"y","description":"","mimeType":""}`},
		{Content{Type: "image", Data: []byte("abc")}, "content 0: image without mimeType"},
		{Content{Type: "resource"}, "content 0: resource without uri"},
		{Content{Type: "video"}, `content 0: type "video" is not one of text, image, audio, resource, resource_link`},
	} {
		ok.Content = []Content{tt.block}
		res, err := answer(ok, nil)
		require.NoError(t, err)
		b, err := json.Marshal(res.Content[0])
		require.NoError(t, err)
		if tt.want[0] == '{' {
			require.JSONEq(t, tt.want, string(b))
			require.False(t, res.IsError)
		} else {
			require.Contains(t, string(b), tt.want[:10])
			require.True(t, res.IsError)
			require.Contains(t, string(b), "the action ran", "its caller must not repeat it blindly")
		}
	}
}

func TestAnswerStructured(t *testing.T) {
	out, _, err := compile(json.RawMessage(`{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}`))
	require.NoError(t, err)
	for _, tt := range []struct {
		structured string
		schema     bool
		want       string // why it is refused
	}{
		{`{"n":1}`, true, ""},
		{`{"anything":[]}`, false, ""},
		{``, false, ""},
		{``, true, "returned no structured result"},
		{`{"n":1.5}`, true, "structured/n: got number, want integer (it is 1.5)"},
		{`[1]`, false, "structured: [1] is not a JSON object"},
		{`{"n":`, false, "unexpected EOF"},
		{`{} {}`, false, "more than one JSON value"},
	} {
		r, schema := Result{Verdict: gate.Collapse, Structured: json.RawMessage(tt.structured)}, out
		if !tt.schema {
			schema = nil
		}
		res, err := answer(r, schema)
		require.NoError(t, err)
		require.Equal(t, tt.want != "", res.IsError, tt.structured)
		b, err := json.Marshal(res)
		require.NoError(t, err)
		require.Contains(t, string(b), tt.want)
		require.NotContains(t, string(b), `"content":null`)
	}
}

// A node's HTTP client reads outcomes into Result, so its JSON must survive the way there and back.
func TestResultJSON(t *testing.T) {
	for _, r := range []Result{
		dissipated(),
		{Verdict: gate.Collapse, Content: []Content{{Type: "image", Data: []byte{1}, MIMEType: "image/png"}}, Structured: json.RawMessage(`{"a":1}`)},
		{Err: &Failure{Code: "c", Message: "m"}},
	} {
		b, err := json.Marshal(r)
		require.NoError(t, err)
		var back Result
		require.NoError(t, json.Unmarshal(b, &back))
		require.Equal(t, r, back)
	}
}
