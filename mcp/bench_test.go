package mcp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/require"
)

// bare is the library's own server with one echo tool: the floor to compare with.
func bare() *server.MCPServer {
	s := server.NewMCPServer("bare", "1", server.WithToolCapabilities(true))
	s.AddTool(mcp.NewTool("echo"), func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText(string(req.Params.RawArguments)), nil
	})
	return s
}

// A call of 64 bytes and its answer, through the raw client, here and with the bare library.
func BenchmarkCall(b *testing.B) {
	args := fmt.Sprintf(`{"text":"%s"}`, strings.Repeat("x", 53))
	legacy := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":` + args + `}}`
	modern := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":` + args + `,` + modernMeta + `}}`
	b.Run("stdio/becomingone", func(b *testing.B) {
		s, _, _ := start(b, Config{})
		benchStdio(b, legacy, s.ServeStdio)
	})
	b.Run("stdio/bare", func(b *testing.B) { benchStdio(b, legacy, server.NewStdioServer(bare()).Listen) })
	handlers := map[string]func(*testing.B) http.Handler{
		"becomingone": func(b *testing.B) http.Handler { s, _, _ := start(b, Config{}); return s.Handler() },
		"bare": func(*testing.B) http.Handler {
			return server.NewStreamableHTTPServer(bare(), server.WithStateful(true))
		},
	}
	for _, name := range []string{"becomingone", "bare"} {
		b.Run("http-2025-11-25/"+name, func(b *testing.B) {
			w := benchWeb(b, handlers[name](b))
			w.handshake()
			benchHTTP(b, w, legacy, nil)
		})
		b.Run("http-2026-07-28/"+name, func(b *testing.B) {
			benchHTTP(b, benchWeb(b, handlers[name](b)), modern, modernHeader("tools/call", "echo"))
		})
	}
}

func benchWeb(b *testing.B, h http.Handler) *web {
	srv := httptest.NewServer(h)
	b.Cleanup(srv.Close)
	return &web{t: b, url: srv.URL, c: srv.Client()}
}

func benchStdio(b *testing.B, call string, serve func(context.Context, io.Reader, io.Writer) error) {
	ir, iw, err := os.Pipe()
	require.NoError(b, err)
	or, ow, err := os.Pipe()
	require.NoError(b, err)
	done := make(chan error, 1)
	go func() { done <- serve(b.Context(), ir, ow) }()
	out := bufio.NewReader(or)
	ask := func(line string) []byte {
		_, err := io.WriteString(iw, line+"\n")
		if err != nil {
			b.Fatal(err)
		}
		answer, err := out.ReadSlice('\n')
		if err != nil {
			b.Fatal(err)
		}
		return answer
	}
	ask(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}`)
	require.Contains(b, string(ask(call)), "xxx")
	b.ReportAllocs()
	for b.Loop() {
		ask(call)
	}
	require.NoError(b, iw.Close())
	require.NoError(b, <-done)
	for _, f := range []*os.File{or, ow} {
		require.NoError(b, f.Close())
	}
}

func benchHTTP(b *testing.B, w *web, call string, header map[string]string) {
	_, m := w.post(call, header)
	require.False(b, m.call(b).IsError)
	b.ReportAllocs()
	for b.Loop() {
		resp := w.do(b.Context(), http.MethodPost, call, header)
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
			b.Fatal(resp.Status, err)
		}
		_ = resp.Body.Close()
	}
}

// What the adapter itself adds to a call: checking and rewriting arguments, and building the answer.
func BenchmarkAdapter(b *testing.B) {
	schema, _, err := compile(json.RawMessage(`{"type":"object","properties":{"text":{"type":"string","maxLength":100}},"required":["text"]}`))
	require.NoError(b, err)
	raw := json.RawMessage(fmt.Sprintf(`{"text":"%s"}`, strings.Repeat("x", 53)))
	b.Run("arguments", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := arguments(raw, schema); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("refusal", func(b *testing.B) {
		r := dissipated()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := answer(r, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("frame", func(b *testing.B) {
		line := []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":` + string(raw) + `}}`)
		b.ReportAllocs()
		for b.Loop() {
			if _, bad := open(line, 64); bad != nil {
				b.Fatal(bad)
			}
		}
	})
}
