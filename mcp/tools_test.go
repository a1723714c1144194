package mcp

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

func TestToolsThatCannotBeOffered(t *testing.T) {
	for _, tt := range []struct {
		tool Tool
		want string
	}{
		{Tool{Name: ""}, "the name is not"},
		{Tool{Name: "a b"}, "the name is not"},
		{Tool{Name: strings.Repeat("a", 129)}, "the name is not"},
		{Tool{Name: "coherence"}, "the name is taken"},
		{Tool{Name: "say"}, "the name is taken"},
		{Tool{Name: "x", InputSchema: json.RawMessage(`{"type":`)}, "input schema: unexpected EOF"},
		{Tool{Name: "x", InputSchema: json.RawMessage(`[]`)}, "input schema: is not a JSON object"},
		{Tool{Name: "x", InputSchema: json.RawMessage(`{"type":"array"}`)}, `type: \"array\" is not \"object\"`},
		{Tool{Name: "x", InputSchema: json.RawMessage(`{"properties":5}`)}, "input schema"},
		{Tool{Name: "x", InputSchema: json.RawMessage(`{"properties":{"a":{"pattern":"("}}}`)}, "input schema"},
		{Tool{Name: "x", InputSchema: json.RawMessage(`{"$ref":"file:///etc/passwd"}`)}, "leaves the schema"},
		{Tool{Name: "x", InputSchema: json.RawMessage(`{"$ref":"http://127.0.0.1:1/x"}`)}, "leaves the schema"},
		{Tool{Name: "x", InputSchema: json.RawMessage(strings.Repeat(`{"not":`, 90) + "true" + strings.Repeat("}", 90))}, "nested 90 levels deep"},
		{Tool{Name: "x", InputSchema: json.RawMessage(`{"properties":{"a":{"type":"object","x-mcp-header":"A"}}}`)}, "x-mcp-header"},
		{Tool{Name: "x", OutputSchema: json.RawMessage(`{"type":"string"}`)}, "output schema: type"},
		{Tool{Name: "x", OutputSchema: json.RawMessage(`{"$ref":"#/$defs/none"}`)}, "output schema"},
	} {
		s, n, log := start(t, Config{})
		n.add(tt.tool)
		s.ToolsChanged()
		require.Contains(t, log.String(), "tool not offered")
		require.Contains(t, log.String(), tt.want)
		logged := log.Len()
		s.ToolsChanged()
		require.Equal(t, logged, log.Len(), "said once")
		require.Len(t, s.core.ListTools(), len(newFakeNode().tools)+2, "the others are offered")
	}
}

func TestToolsChangedComesAndGoes(t *testing.T) {
	s, n, _ := start(t, Config{})
	n.mu.Lock()
	n.tools = []Tool{{Name: "only", Description: "a"}}
	n.mu.Unlock()
	s.ToolsChanged()
	require.Len(t, s.core.ListTools(), 3)
	n.mu.Lock()
	n.tools[0].Description = "b"
	n.mu.Unlock()
	s.ToolsChanged()
	require.Equal(t, "b", s.core.GetTool("only").Tool.Description)
	n.mu.Lock()
	n.tools = nil
	n.mu.Unlock()
	s.ToolsChanged()
	require.Len(t, s.core.ListTools(), 2)
}

// Whatever a tool's output schema says, its own results and every refusal conform to what is listed.
func TestListedOutputAcceptsBoth(t *testing.T) {
	const result = `{"n":{"next":{"next":null}},"m":[1]}`
	refusal, err := answer(dissipated(), nil)
	require.NoError(t, err)
	failed, err := undecided(&Failure{Code: "bad_arguments", Message: "x"})
	require.NoError(t, err)
	for name, schema := range map[string]string{
		"plain":       `{"type":"object","properties":{"m":{"type":"array"}}}`,
		"closed":      `{"type":"object","properties":{"m":true,"n":true},"additionalProperties":false}`,
		"defs":        `{"type":"object","properties":{"n":{"$ref":"#/$defs/node"}},"$defs":{"node":{"type":["object","null"],"properties":{"next":{"$ref":"#/$defs/node"}}}}}`,
		"root":        `{"type":["object"],"properties":{"n":{"$ref":"#/properties/m"},"m":true}}`,
		"anchor":      `{"properties":{"n":{"$ref":"#x"}},"$defs":{"x":{"$anchor":"x","type":"object"}}}`,
		"identified":  `{"$id":"https://example.org/s","properties":{"n":{"$ref":"#/$defs/x"}},"$defs":{"x":{"type":"object"}}}`,
		"draft-07":    `{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"n":{"$ref":"#/definitions/x"}},"definitions":{"x":{"type":"object"}}}`,
		"2020-12":     `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","unevaluatedProperties":false,"properties":{"n":true,"m":true}}`,
		"empty":       `{}`,
		"white space": " \n{ \"properties\" : {} }",
	} {
		t.Run(name, func(t *testing.T) {
			if name == "root" {
				schema = strings.Replace(schema, `["object"]`, `"object"`, 1)
			}
			own, doc, err := compile(json.RawMessage(schema))
			require.NoError(t, err)
			require.NoError(t, conforms(own, mustDecode(t, result), "own"))
			listed, err := listedOutput("t", json.RawMessage(schema), doc)
			require.NoError(t, err)
			require.True(t, strings.Contains(string(listed), `"type":"object"`))
			union, _, err := compile(listed)
			require.NoError(t, err)
			require.NoError(t, conforms(union, mustDecode(t, result), "union"), "%s", listed)
			require.NoError(t, conforms(union, mustDecode(t, string(refusal.StructuredContent.(json.RawMessage))), "refusal"))
			require.NoError(t, conforms(union, mustDecode(t, string(failed.StructuredContent.(json.RawMessage))), "failure"))
		})
	}
	closed := `{"type":"object","properties":{"m":true},"additionalProperties":false}`
	_, doc, err := compile(json.RawMessage(closed))
	require.NoError(t, err)
	listed, err := listedOutput("t", json.RawMessage(closed), doc)
	require.NoError(t, err)
	union, _, err := compile(listed)
	require.NoError(t, err)
	require.Error(t, conforms(union, mustDecode(t, result), "union"), "the union is no blank cheque")
}

func mustDecode(t *testing.T, s string) any {
	t.Helper()
	v, err := decode(json.RawMessage(s))
	require.NoError(t, err)
	return v
}

func TestListedInput(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:                            `{"type":"object"}`,
		` { } `:                         `{"type":"object"}`,
		`{"type":"object","title":"b"}`: `{"type":"object","title":"b"}`,
		" {\n \"title\":\"b\"}":         `{"type":"object","title":"b"}`,
		`{"properties":{"{":true}}`:     `{"type":"object","properties":{"{":true}}`,
	} {
		_, doc, err := compile(json.RawMessage(in))
		require.NoError(t, err)
		require.Equal(t, want, strings.TrimSpace(string(listedInput(json.RawMessage(in), doc))))
	}
}

func FuzzArguments(f *testing.F) {
	for _, s := range []string{`{}`, `null`, ``, `{"a":1e400}`, `{"a":1e-999999999}`, `{"a":[{"b":"é\ud800"}]}`, `[]`, `{"a":1,"a":2}`, `{"n":-0.0}`} {
		f.Add([]byte(s))
	}
	schema, _, err := compile(json.RawMessage(`{"properties":{"a":{"multipleOf":0.01},"n":{"type":"integer"},"s":{"enum":["x"]}},"maxProperties":3}`))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, s := range []*jsonschema.Schema{nil, schema} {
			out, err := arguments(b, s)
			if err != nil {
				require.Nil(t, out)
				continue
			}
			again, err := arguments(out, s)
			require.NoError(t, err, "what was accepted is accepted")
			require.Equal(t, string(out), string(again), "and is canonical")
		}
	})
}

func TestReports(t *testing.T) {
	s, n, log := start(t, Config{})
	c := dial(t, s)
	c.handshake()
	r := c.tool("coherence", `{}`).call(t)
	require.False(t, r.IsError)
	require.JSONEq(t, `{"fields":[{"name":"co2","state":"accumulating"}]}`, string(r.Structured))
	require.Equal(t, string(r.Structured), r.Content[0].Text)
	r = c.tool("witness_proof", `{"index":3}`).call(t)
	require.JSONEq(t, `{"index":3,"leaf":"ab"}`, string(r.Structured))
	for args, want := range map[string]string{
		`{"index":4}`:                    "becomingone://witness/4: not found",
		`{"index":13}`:                   "internal error",
		`{"index":-1}`:                   "minimum: got -1, want 0",
		`{"index":1.5}`:                  "want integer",
		`{"index":99999999999999999999}`: "not an integer in 0…18446744073709551615",
		`{"index":"3"}`:                  "got string, want integer",
		`{}`:                             "missing property 'index'",
		`{"index":3,"x":1}`:              "additional properties 'x' not allowed",
	} {
		r := c.tool("witness_proof", args).call(t)
		require.True(t, r.IsError)
		require.Contains(t, r.Content[0].Text, want, args)
	}
	require.Contains(t, log.String(), "bad page")
	require.Zero(t, n.count(), "no gate is asked")
}

func TestResources(t *testing.T) {
	s, _, _ := start(t, Config{})
	c := dial(t, s)
	c.handshake()
	require.Contains(t, string(c.ask(`{"jsonrpc":"2.0","id":1,"method":"resources/list"}`).Result), `"uri":"becomingone://coherence"`)
	require.Contains(t, string(c.ask(`{"jsonrpc":"2.0","id":1,"method":"resources/templates/list"}`).Result), `"uriTemplate":"becomingone://witness/{index}"`)
	read := func(uri string) message {
		return c.ask(`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":%q}}`, uri)
	}
	require.JSONEq(t, `{"contents":[{"uri":"becomingone://coherence","mimeType":"application/json","text":"{\"fields\":[{\"name\":\"co2\",\"state\":\"accumulating\"}]}"}]}`,
		string(read(CoherenceURI).Result))
	require.Contains(t, string(read(WitnessPrefix+"3").Result), `\"leaf\":\"ab\"`)
	require.Contains(t, read(WitnessPrefix+"4").Error.Message, "not found")
	require.Contains(t, read(WitnessPrefix+"x").Error.Message, "not in 0…18446744073709551615")
	require.Contains(t, read(WitnessPrefix+"13").Error.Message, "internal error")
	require.Equal(t, -32002, read("becomingone://nothing").Error.Code)
}
