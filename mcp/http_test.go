package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/require"
)

// web is a raw client of a served handler.
type web struct {
	t       testing.TB
	url     string
	c       *http.Client
	session string // sent if not empty
}

func serve(t testing.TB, s *Server) *web {
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return &web{t: t, url: srv.URL, c: srv.Client()}
}

func (w *web) do(ctx context.Context, method, body string, header map[string]string) *http.Response {
	w.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, w.url, strings.NewReader(body))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if w.session != "" {
		r.Header.Set("Mcp-Session-Id", w.session)
	}
	for k, v := range header {
		r.Header.Set(k, v)
		if k == "Host" {
			r.Host = v
		}
	}
	resp, err := w.c.Do(r)
	require.NoError(w.t, err)
	return resp
}

// post returns the status and the last message of the answer, be it JSON or a stream.
func (w *web) post(body string, header map[string]string) (int, message) {
	w.t.Helper()
	resp := w.do(w.t.Context(), http.MethodPost, body, header)
	defer func() { _ = resp.Body.Close() }()
	var m message
	b, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	for l := range bytes.Lines(b) {
		if data, ok := bytes.CutPrefix(l, []byte("data: ")); ok {
			b = data
		}
	}
	if len(bytes.TrimSpace(b)) > 0 && b[0] == '{' {
		require.NoError(w.t, json.Unmarshal(b, &m), "%s", b)
	}
	if id := resp.Header.Get("Mcp-Session-Id"); id != "" {
		w.session = id
	}
	return resp.StatusCode, m
}

func (w *web) handshake() {
	w.t.Helper()
	status, m := w.post(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}`, nil)
	require.Equal(w.t, 200, status)
	require.Nil(w.t, m.Error)
	require.NotEmpty(w.t, w.session)
	status, _ = w.post(`{"jsonrpc":"2.0","method":"notifications/initialized"}`, nil)
	require.Equal(w.t, 202, status)
}

func (w *web) tool(name, args string) message {
	w.t.Helper()
	status, m := w.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, name, args), nil)
	require.Equal(w.t, 200, status)
	return m
}

func modernHeader(method, name string) map[string]string {
	h := map[string]string{"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
	if name != "" {
		h["Mcp-Name"] = name
	}
	return h
}

func (w *web) modernTool(name, args string) (int, message) {
	w.t.Helper()
	return w.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s,%s}}`, name, args, modernMeta),
		modernHeader("tools/call", name))
}

func TestHTTPLegacySession(t *testing.T) {
	s, n, _ := start(t, Config{})
	w := serve(t, s)
	w.handshake()
	require.Regexp(t, `^http-[a-z2-7]{26}$`, w.session)

	r := w.tool("say", `{"text":"hi"}`).call(t)
	require.False(t, r.IsError)
	require.Equal(t, `{"text":"hi"}`, r.Content[0].Text)
	require.Equal(t, w.session, n.last().Session)
	require.True(t, w.tool("announce", `{}`).call(t).IsError)

	other := serve(t, s)
	other.handshake()
	require.NotEqual(t, w.session, other.session)

	for range 2 { // ending it twice is harmless
		resp := w.do(t.Context(), http.MethodDelete, "", nil)
		require.Equal(t, 200, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
	}
	calls := n.count()
	for _, session := range []string{w.session, "", "made-up"} {
		w.session = session
		status, _ := w.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}`, nil)
		require.Equal(t, 404, status, "session %q", session)
	}
	require.Equal(t, calls, n.count())
	require.Equal(t, 200, func() int { other.tool("echo", `{}`); return 200 }())
}

func TestHTTPHandshakeInEveryRevision(t *testing.T) {
	s, _, _ := start(t, Config{})
	for _, rev := range []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"} {
		w := serve(t, s)
		_, m := w.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}`, rev), nil)
		require.Contains(t, string(m.Result), fmt.Sprintf(`"protocolVersion":%q`, rev))
		status, m := w.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}`, map[string]string{"MCP-Protocol-Version": rev})
		require.Equal(t, 200, status)
		require.False(t, m.call(t).IsError)
	}
	status, _ := serve(t, s).post(`{"jsonrpc":"2.0","id":1,"method":"ping"}`, map[string]string{"MCP-Protocol-Version": "2025-01-01"})
	require.Equal(t, 400, status)
}

func TestHTTPModernStateless(t *testing.T) {
	s, n, _ := start(t, Config{HTTPSession: "agent-token"})
	w := serve(t, s)
	status, m := w.modernTool("say", `{"text":"hi"}`)
	require.Equal(t, 200, status)
	require.False(t, m.call(t).IsError)
	require.Contains(t, string(m.Result), `"resultType":"complete"`)
	require.Equal(t, "agent-token", n.last().Session)
	require.Empty(t, w.session, "no session is made")

	status, m = w.modernTool("announce", `{}`)
	require.Equal(t, 200, status)
	require.True(t, m.call(t).IsError)

	status, m = w.modernTool("nothing", `{}`)
	require.Equal(t, 400, status)
	require.Equal(t, -32602, m.Error.Code)

	w.session = "mine" // a client may not name its own
	_, m = w.modernTool("echo", `{}`)
	require.False(t, m.call(t).IsError)
	require.Equal(t, "agent-token", n.last().Session)
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		resp := w.do(t.Context(), method, "", map[string]string{"MCP-Protocol-Version": "2026-07-28"})
		require.Equal(t, 405, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
	}
}

func TestHTTPLimits(t *testing.T) {
	s, n, _ := start(t, Config{MaxBody: 1 << 20})
	w := serve(t, s)
	w.handshake()
	call := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":%s}}}`
	for _, tt := range []struct {
		name, body string
		status     int
		code       int
		want       string
	}{
		{"10 MB", fmt.Sprintf(call, `"`+strings.Repeat("x", 10<<20)+`"`), 413, codeInvalid, "longer than 1048576 bytes"},
		{"deep", fmt.Sprintf(call, strings.Repeat(`{"a":`, 100)+"1"+strings.Repeat("}", 100)), 400, codeInvalid, "nested 103 levels deep; at most 64"},
		{"not JSON", `{"jsonrpc"`, 400, codeParse, "not a JSON-RPC object"},
		{"batch", `[]`, 400, codeInvalid, "batch"},
		{"id", `{"jsonrpc":"2.0","id":[],"method":"ping"}`, 400, codeInvalid, "id: [] is neither"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, m := w.post(tt.body, nil)
			require.Equal(t, tt.status, status)
			require.NotNil(t, m.Error)
			require.Equal(t, tt.code, m.Error.Code)
			require.Contains(t, m.Error.Message, tt.want)
		})
	}
	t.Run("10 MB without a length", func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, io.MultiReader(strings.NewReader(strings.Repeat(" ", 10<<20))))
		require.NoError(t, err)
		resp, err := w.c.Do(r)
		if err == nil { // the server may hang up while the rest is still being sent
			require.Equal(t, 413, resp.StatusCode)
			require.NoError(t, resp.Body.Close())
		}
	})
	require.Zero(t, n.count())
	require.False(t, w.tool("echo", `{}`).call(t).IsError, "the server lives")
}

func TestHTTPGuard(t *testing.T) {
	s, n, _ := start(t, Config{Hosts: []string{"node.example"}, Token: "s3cret"})
	w := serve(t, s)
	ok := map[string]string{"Authorization": "Bearer s3cret"}
	for _, tt := range []struct {
		header map[string]string
		status int
	}{
		{map[string]string{}, 401},
		{map[string]string{"Authorization": "Bearer s3cre"}, 401},
		{map[string]string{"Authorization": "Basic s3cret"}, 401},
		{map[string]string{"Host": "evil.example"}, 403},
		{map[string]string{"Host": "127.0.0.1.evil.example:80"}, 403},
		{map[string]string{"Origin": "https://evil.example"}, 403},
		{map[string]string{"Origin": "null"}, 403},
		{map[string]string{"Origin": "file://localhost"}, 403},
		{map[string]string{"Origin": "http://localhost:6274"}, 200},
		{map[string]string{"Origin": "http://[::1]:6274"}, 200},
		{map[string]string{"Host": "node.example:4917", "Origin": "https://NODE.example"}, 200},
		{map[string]string{"Host": "localhost"}, 200},
		{map[string]string{"Host": "[::1]:4917"}, 200},
	} {
		h := modernHeader("tools/call", "echo")
		if tt.status != 401 {
			h["Authorization"] = ok["Authorization"]
		}
		for k, v := range tt.header {
			h[k] = v
		}
		before := n.count()
		status, _ := w.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo",`+modernMeta+`}}`, h)
		require.Equal(t, tt.status, status, "%v", tt.header)
		require.Equal(t, tt.status == 200, n.count() > before)
	}
}

func TestHTTPClientGoesAway(t *testing.T) {
	s, n, _ := start(t, Config{})
	w := serve(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-n.slow
		cancel()
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url,
		strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow",`+modernMeta+`}}`))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	for k, v := range modernHeader("tools/call", "slow") {
		r.Header.Set(k, v)
	}
	_, err = w.c.Do(r)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, <-n.ended, context.Canceled)
}

// Requests without a session share the library's table, so a stranger could name another's id.
func TestHTTPStrangerCannotCancel(t *testing.T) {
	s, n, _ := start(t, Config{})
	w, stranger := serve(t, s), serve(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, w.url,
			strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow",`+modernMeta+`}}`))
		r.Header.Set("Content-Type", "application/json")
		for k, v := range modernHeader("tools/call", "slow") {
			r.Header.Set(k, v)
		}
		if resp, err := w.c.Do(r); err == nil {
			_ = resp.Body.Close()
		}
	}()
	<-n.slow
	status, _ := stranger.post(`{"jsonrpc":"2.0","method":"notifications\/cancelled","params":{"requestId":1,`+modernMeta+`}}`,
		modernHeader("notifications/cancelled", ""))
	require.Equal(t, 202, status)
	_, m := stranger.modernTool("echo", `{}`)
	require.False(t, m.call(t).IsError)
	require.Empty(t, n.ended, "the call goes on")
	cancel()
	require.ErrorIs(t, <-n.ended, context.Canceled)
	<-gone
}

func TestHTTPSessionsAreBounded(t *testing.T) {
	s, _, _ := start(t, Config{MaxSessions: 3})
	srv := serve(t, s)
	var all []*web
	for range 5 {
		w := &web{t: t, url: srv.url, c: srv.c}
		w.handshake()
		all = append(all, w)
		if len(all) > 1 { // the first is used again and again
			require.False(t, all[0].tool("echo", `{}`).call(t).IsError)
		}
	}
	var known []int
	for i, w := range all {
		if status, _ := w.post(`{"jsonrpc":"2.0","id":1,"method":"ping"}`, nil); status == 200 {
			known = append(known, i)
		}
	}
	require.Equal(t, []int{0, 3, 4}, known)
	for i, w := range all { // nor does the library keep anything of the others
		err := s.core.SendNotificationToSpecificClient(w.session, "notifications/odd", nil)
		require.Equal(t, slices.Contains(known, i), err == nil, "%v", err)
	}
}

func TestHTTPBusyAndClosed(t *testing.T) {
	s, n, _ := start(t, Config{MaxInFlight: 1})
	w := serve(t, s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = w.modernTool("slow", `{}`)
	}()
	<-n.slow
	status, m := serve(t, s).modernTool("echo", `{}`)
	require.Equal(t, 503, status)
	require.Equal(t, codeBusy, m.Error.Code)
	require.NoError(t, s.Close())
	<-done
	status, m = w.modernTool("echo", `{}`)
	require.Equal(t, 503, status)
	require.Contains(t, m.Error.Message, "closed")
}

// events reads the messages of a stream as they come.
func events(t testing.TB, body io.Reader) func() message {
	lines := bufio.NewScanner(body)
	return func() message {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var m message
				require.NoError(t, json.Unmarshal([]byte(data), &m))
				return m
			}
		}
		t.Fatalf("stream ended: %v", lines.Err())
		return message{}
	}
}

func TestHTTPListChanged(t *testing.T) {
	s, n, log := start(t, Config{})
	w := serve(t, s)
	w.handshake()
	for _, session := range []string{"", "made-up"} { // no stream for a session that is none
		x := *w
		x.session = session
		resp := x.do(t.Context(), http.MethodGet, "", nil)
		require.Contains(t, []int{400, 404}, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
	}
	get := w.do(t.Context(), http.MethodGet, "", nil)
	require.Equal(t, 200, get.StatusCode)
	listen := w.do(t.Context(), http.MethodPost,
		`{"jsonrpc":"2.0","id":41,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+modernMeta+`}}`,
		modernHeader("subscriptions/listen", ""))
	require.Equal(t, 200, listen.StatusCode)
	legacy, modern := events(t, get.Body), events(t, listen.Body)
	require.Equal(t, "notifications/subscriptions/acknowledged", modern().Method)

	n.add(Tool{Name: "extra"})
	s.ToolsChanged()
	require.Equal(t, "notifications/tools/list_changed", legacy().Method)
	m := modern()
	require.Equal(t, "notifications/tools/list_changed", m.Method)
	require.JSONEq(t, `{"_meta":{"io.modelcontextprotocol/subscriptionId":41}}`, string(m.Params))
	require.NoError(t, s.Close(), "ends both streams")
	require.NoError(t, get.Body.Close())
	require.NoError(t, listen.Body.Close())
	require.Empty(t, log.String())
}

// A change that falls into a call must reach the client, on the call's own stream: the library takes
// it up beside the answer and would lose it when the answer goes out at once.
func TestHTTPListChangedDuringCalls(t *testing.T) {
	s, n, _ := start(t, Config{})
	w := serve(t, s)
	w.handshake()
	rounds := 0
	n.meanwhile = func() {
		n.add(Tool{Name: fmt.Sprintf("extra%d", rounds)})
		s.ToolsChanged()
	}
	for ; rounds < 50; rounds++ {
		resp := w.do(t.Context(), http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}`, nil)
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Contains(t, string(b), "notifications/tools/list_changed", "round %d", rounds)
		require.Contains(t, string(b), `"id":1`)
	}
}

func TestHTTPWithTheLibrarysClient(t *testing.T) {
	s, n, _ := start(t, Config{})
	w := serve(t, s)
	c, err := client.NewStreamableHttpClient(w.url)
	require.NoError(t, err)
	require.NoError(t, c.Start(t.Context()))
	_, err = c.Initialize(t.Context(), mcp.InitializeRequest{})
	require.NoError(t, err)
	list, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
	require.NoError(t, err)
	require.Len(t, list.Tools, len(n.tools)+2)
	req := mcp.CallToolRequest{}
	req.Params.Name, req.Params.Arguments = "announce", map[string]any{}
	res, err := c.CallTool(t.Context(), req)
	require.NoError(t, err)
	require.True(t, res.IsError)
	require.NoError(t, c.Close())
}
