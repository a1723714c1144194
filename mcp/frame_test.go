package mcp

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNesting(t *testing.T) {
	for in, want := range map[string]int{
		``: 0, `1`: 0, `{}`: 1, `[[]]`: 2, `{"a":[{}]}`: 3, `"[[["`: 0, `["\"[[", {}]`: 2, `["\\",[]]`: 2, `"\`: 0, `]]]]`: 0, `[][][]`: 1,
	} {
		require.Equal(t, want, nesting([]byte(in)), in)
	}
	b := bytes.Repeat([]byte(`{"a":["x\"y",1]},`), 64)
	require.Zero(t, testing.AllocsPerRun(10, func() { nesting(b) }))
}

func TestConfigValidate(t *testing.T) {
	require.NoError(t, Config{}.Validate())
	require.NoError(t, DefaultConfig().Validate())
	for want, c := range map[string]Config{
		"mcp: config max_body: 10 is not in 1024…67108864":                               {MaxBody: 10},
		"mcp: config max_depth: 2000 is not in 8…1000":                                   {MaxDepth: 2000},
		"mcp: config max_in_flight: -1 is not in 1…10000":                                {MaxInFlight: -1},
		"mcp: config max_sessions: 20000 is not in 1…10000":                              {MaxSessions: 20000},
		"mcp: config drain: 1h0m0s is not in 0s…1m":                                      {Drain: time.Hour},
		`mcp: config hosts 0: "a.example:80" is not a host name without scheme and port`: {Hosts: []string{"a.example:80"}},
	} {
		require.EqualError(t, c.Validate(), want)
		_, err := New(c, newFakeNode(), nil)
		require.EqualError(t, err, want)
	}
	_, err := New(Config{}, nil, nil)
	require.ErrorContains(t, err, "node is nil")
}

// FuzzStdio: whatever lines come in, each line that goes out is a JSON-RPC message, the server ends
// with its input, and it leaves nothing behind.
func FuzzStdio(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}`,
		`{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"say","arguments":{"text":"a"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":1e400}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sum","_meta":[]}}`,
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"becomingone://witness/%00"}}`,
		`{"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},` + modernMeta + `}}`,
		`{"jsonrpc":"2.0","id":8,"method":"server/discover","params":{` + modernMeta + `}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tasks/list"}` + "\n" + `{"jsonrpc":"2.0","id":2,"method":"completion/complete","params":{}}`,
		`[]`, `{"id":{}}`, "\x00\xff", `{"jsonrpc":"2.0","id":-0,"method":"ping"}`, strings.Repeat("[", 100), strings.Repeat("x", 5000),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.Contains(in, []byte(`slow`)) {
			t.Skip("runs until it is cancelled")
		}
		s, err := New(Config{MaxBody: 4096, MaxInFlight: 4}, newFakeNode(), nil)
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, s.ServeStdio(t.Context(), io.NopCloser(bytes.NewReader(in)), &out))
		require.NoError(t, s.Close())
		for l := range bytes.Lines(out.Bytes()) {
			var m message
			require.NoError(t, json.Unmarshal(l, &m), "%s", l)
			require.Equal(t, "2.0", m.JSONRPC)
			require.True(t, m.Method != "" || m.Error != nil || m.Result != nil, "%s", l)
		}
	})
}
