package host

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	mcpsdk "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"
)

// BenchmarkMCP is one tool call over streamable HTTP, revision 2025-11-25: through the whole node (gate,
// plugin, durable log), a refusal of the gate, and a bare mcp-go echo for the floor of the same run.
func BenchmarkMCP(b *testing.B) {
	n := running(b)
	bare := server.NewMCPServer("bare", "1")
	bare.AddTool(mcpsdk.NewTool("say", mcpsdk.WithString("text")), func(_ context.Context, r mcpsdk.CallToolRequest) (*mcpsdk.CallToolResult, error) {
		return mcpsdk.NewToolResultText(r.GetString("text", "")), nil
	})
	floor := httptest.NewServer(server.NewStreamableHTTPServer(bare, server.WithStateful(true)))
	b.Cleanup(floor.Close)
	for _, c := range []struct{ name, url, tool, args string }{
		{"bare", floor.URL + "/mcp", "say", `{"text":"hello"}`},
		{"node/say", n.URL() + "/mcp", "say", `{"text":"hello"}`},
		{"node/dissipated", n.URL() + "/mcp", "announce", `{}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			session := post(b, c.url, "", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"b","version":"1"}}}`)
			call := `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"` + c.tool + `","arguments":` + c.args + `}}`
			for b.Loop() {
				post(b, c.url, session, call)
			}
		})
	}
}

// BenchmarkMCPStdio is the same over stdio, in pipes of this process.
func BenchmarkMCPStdio(b *testing.B) {
	n := running(b)
	bare := server.NewMCPServer("bare", "1")
	bare.AddTool(mcpsdk.NewTool("say", mcpsdk.WithString("text")), func(_ context.Context, r mcpsdk.CallToolRequest) (*mcpsdk.CallToolResult, error) {
		return mcpsdk.NewToolResultText(r.GetString("text", "")), nil
	})
	for _, c := range []struct {
		name  string
		serve func(context.Context, io.Reader, io.Writer) error
	}{{"bare", server.NewStdioServer(bare).Listen}, {"node/say", n.MCP().ServeStdio}} {
		b.Run(c.name, func(b *testing.B) {
			in, toServer := io.Pipe()
			fromServer, out := io.Pipe()
			go func() { out.CloseWithError(c.serve(b.Context(), in, out)) }()
			defer toServer.Close()
			lines := bufio.NewReader(fromServer)
			ask := func(line string) {
				_, err := io.WriteString(toServer, line+"\n")
				require.NoError(b, err)
				answer, err := lines.ReadString('\n')
				require.NoError(b, err)
				require.Contains(b, answer, `"result"`)
			}
			ask(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"b","version":"1"}}}`)
			for b.Loop() {
				ask(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"say","arguments":{"text":"hello"}}}`)
			}
		})
	}
}

// post sends one message and returns the session that the answer names.
func post(b *testing.B, url, session, body string) string {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader([]byte(body)))
	require.NoError(b, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if session != "" {
		req.Header.Set("Mcp-Session-Id", session)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b, err)
	answer, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	require.NoError(b, resp.Body.Close())
	require.Equal(b, http.StatusOK, resp.StatusCode, "%s", answer)
	require.Contains(b, string(answer), `"result"`)
	return resp.Header.Get("Mcp-Session-Id")
}
