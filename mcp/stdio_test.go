package mcp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/require"
)

// stdio is a raw client on the other end of a served pipe.
type stdio struct {
	t    testing.TB
	in   *io.PipeWriter
	out  *bufio.Scanner
	done chan error
	stop context.CancelFunc
}

func dial(t testing.TB, s *Server) *stdio {
	ir, iw := io.Pipe()
	or, ow := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	c := &stdio{t: t, in: iw, out: bufio.NewScanner(or), done: make(chan error, 1), stop: cancel}
	c.out.Buffer(nil, 16<<20)
	go func() {
		err := s.ServeStdio(ctx, ir, ow)
		_ = ow.Close()
		c.done <- err
	}()
	t.Cleanup(func() { cancel(); _ = or.Close(); _ = iw.Close() })
	return c
}

func (c *stdio) send(format string, args ...any) {
	c.t.Helper()
	_, err := fmt.Fprintf(c.in, format+"\n", args...)
	require.NoError(c.t, err)
}

func (c *stdio) recv() message {
	c.t.Helper()
	require.True(c.t, c.out.Scan(), "output ended: %v", c.out.Err())
	var m message
	require.NoError(c.t, json.Unmarshal(c.out.Bytes(), &m), "%s", c.out.Bytes())
	require.Equal(c.t, "2.0", m.JSONRPC)
	return m
}

func (c *stdio) ask(format string, args ...any) message {
	c.t.Helper()
	c.send(format, args...)
	return c.recv()
}

func (c *stdio) handshake() message {
	c.t.Helper()
	m := c.ask(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}`)
	c.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return m
}

func (c *stdio) tool(name, args string) message {
	c.t.Helper()
	return c.ask(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, name, args)
}

// modernMeta is what a request of 2026-07-28 carries.
const modernMeta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"raw","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`

func TestStdioHandshakeInEveryRevision(t *testing.T) {
	s, _, _ := start(t, Config{Name: "node-a", Version: "1.2.3"})
	for _, rev := range []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"} {
		c := dial(t, s)
		m := c.ask(`{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}`, rev)
		require.JSONEq(t, `"a"`, string(m.ID))
		var r struct {
			ProtocolVersion string
			ServerInfo      struct{ Name, Version string }
			Instructions    string
			Capabilities    map[string]json.RawMessage
		}
		require.NoError(t, json.Unmarshal(m.Result, &r))
		require.Equal(t, rev, r.ProtocolVersion)
		require.Equal(t, "node-a", r.ServerInfo.Name)
		require.Equal(t, "1.2.3", r.ServerInfo.Version)
		require.Contains(t, r.Instructions, "proposal")
		require.JSONEq(t, `{"listChanged":true}`, string(r.Capabilities["tools"]))
		require.Contains(t, r.Capabilities, "resources")
	}
	m := dial(t, s).ask(`{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{%s}}`, modernMeta)
	var d struct{ SupportedVersions []string }
	require.NoError(t, json.Unmarshal(m.Result, &d))
	require.Equal(t, []string{"2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"}, d.SupportedVersions)
}

func TestStdioCalls(t *testing.T) {
	s, n, log := start(t, Config{})
	c := dial(t, s)
	c.handshake()

	r := c.tool("say", `{"text":"hello <b>","n":3}`).call(t)
	require.False(t, r.IsError)
	require.Equal(t, `{"n":3,"text":"hello <b>"}`, r.Content[0].Text)
	require.Equal(t, "collapse", r.Meta["becomingone/verdict"])
	require.EqualValues(t, 3, r.Meta["becomingone/witness_index"])
	session := n.last().Session
	require.Regexp(t, `^stdio-[a-z2-7]{26}$`, session)

	r = c.tool("sum", `{}`).call(t)
	require.False(t, r.IsError)
	require.Equal(t, `{"total":12345678901234567890}`, string(r.Structured))
	require.Equal(t, `{"total":12345678901234567890}`, r.Content[0].Text)
	require.Equal(t, session, n.last().Session, "one process is one session")

	r = c.tool("fail", `{}`).call(t)
	require.True(t, r.IsError)
	require.Equal(t, "out_of_fuel: the guest used 1000000 units", r.Content[0].Text)
	require.Contains(t, string(r.Structured), `"error":{"code":"out_of_fuel","message":"the guest used 1000000 units"}`)
	require.Contains(t, string(r.Structured), `"verdict":"collapse"`)

	r = c.tool("broken", `{}`).call(t)
	require.True(t, r.IsError)
	require.Contains(t, r.Content[0].Text, `structured/total: got string, want integer (it is "many")`)
	require.Contains(t, r.Content[0].Text, "the action ran")

	m := c.tool("panic", `{}`)
	require.Equal(t, codeInternal, m.Error.Code)
	require.NotContains(t, m.Error.Message, "guest state", "a panic's value stays in the log")
	require.Contains(t, log.String(), "guest state is gone")

	m = c.tool("lost", `{}`)
	require.Equal(t, codeInternal, m.Error.Code)
	require.Contains(t, m.Error.Message, "intake is closed")

	m = c.tool("nothing", `{}`)
	require.Equal(t, -32602, m.Error.Code)
	require.Contains(t, m.Error.Message, "nothing")

	other := dial(t, s)
	other.handshake()
	other.tool("echo", `{}`)
	require.NotEqual(t, session, n.last().Session)
}

func TestStdioWrongArguments(t *testing.T) {
	s, n, _ := start(t, Config{})
	c := dial(t, s)
	for _, tt := range []struct{ args, want string }{
		{`{}`, `arguments: missing property 'text' (it is {})`},
		{`{"text":5}`, `arguments/text: got number, want string (it is 5)`},
		{`{"text":"a","n":12}`, `arguments/n: maximum: got 12, want 9 (it is 12)`},
		{`{"text":"a","x":1}`, `additional properties 'x' not allowed`},
		{`{"text":"a","n":1e-999999999}`, `n: number 1e-999999999 is beyond`},
		{`[1]`, `arguments: [1] is not a JSON object`},
		{`"text"`, `arguments: "text" is not a JSON object`},
		{`{"text":"` + strings.Repeat("é", 101) + `"}`, `maxLength: got 101, want 100`},
	} {
		r := c.tool("say", tt.args).call(t)
		require.True(t, r.IsError, tt.args)
		require.Contains(t, r.Content[0].Text, tt.want)
		require.Contains(t, string(r.Structured), `"code":"bad_arguments"`)
	}
	require.Zero(t, n.count(), "the gate was asked")
	// What was checked is what is called: the last of two equal keys, digits as they were sent.
	require.False(t, c.tool("echo", `{"b":1e2,"a":9007199254740993,"b":0.10}`).call(t).IsError)
	require.Equal(t, `{"a":9007199254740993,"b":0.10}`, string(n.last().Arguments))
	c.ask(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}`)
	require.Equal(t, `{}`, string(n.last().Arguments))
}

func TestStdioBadLines(t *testing.T) {
	s, n, _ := start(t, Config{MaxBody: 1 << 10})
	c := dial(t, s)
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	for _, tt := range []struct {
		line string
		code int
		want string
		id   string
	}{
		{`{"jsonrpc":`, codeParse, "not a JSON-RPC object", `null`},
		{`hello`, codeParse, "not a JSON-RPC object", `null`},
		{`"hello"`, codeParse, "not a JSON-RPC object", `null`},
		{`[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, codeInvalid, "a batch", `null`},
		{`{"jsonrpc":"2.0","id":null,"method":"ping"}`, codeInvalid, "id: null is neither", `null`},
		{`{"jsonrpc":"2.0","id":{},"method":"ping"}`, codeInvalid, "id: {} is neither", `null`},
		{`{"jsonrpc":"2.0","id":4}`, codeInvalid, "method: missing", `null`},
		{`{"jsonrpc":"1.0","id":4,"method":"ping"}`, codeInvalid, "JSON-RPC version", `4`},
		{`{"jsonrpc":"2.0","id":4,"method":"tools/eat"}`, -32601, "tools/eat", `4`},
		{`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"echo","arguments":{"a":` + deep + `}}}`,
			codeInvalid, "nested 68 levels deep; at most 64", `null`},
		{strings.Repeat(" ", 1<<10) + `{"jsonrpc":"2.0","id":4,"method":"ping"}`, codeInvalid, "longer than 1024 bytes", `null`},
		{strings.Repeat("x", 200<<10), codeInvalid, "longer than 1024 bytes", `null`},
	} {
		m := c.ask("%s", tt.line)
		require.NotNil(t, m.Error, tt.line)
		require.Equal(t, tt.code, m.Error.Code, tt.line)
		require.Contains(t, m.Error.Message, tt.want)
		require.JSONEq(t, tt.id, string(m.ID))
	}
	c.send("\n \r\n")                                        // blank lines are no messages
	c.send(`{"jsonrpc":"2.0","id":9,"result":{}}`)           // nor does an answer want an answer
	c.send(`{"jsonrpc":"2.0","method":"notifications/odd"}`) // nor an unknown notification
	require.NotNil(t, c.ask(`{"jsonrpc":"2.0","id":5,"method":"ping"}`).Result)
	require.Zero(t, n.count())
}

func TestStdioCancel(t *testing.T) {
	s, n, _ := start(t, Config{})
	c := dial(t, s)
	c.handshake()
	c.send(`{"jsonrpc":"2.0","id":"s","method":"tools/call","params":{"name":"slow"}}`)
	m := c.ask(`{"jsonrpc":"2.0","id":"s","method":"ping"}`)
	require.Contains(t, m.Error.Message, `id: "s" is that of a request under way`)
	<-n.slow
	c.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"s","reason":"enough"}}`)
	require.ErrorIs(t, <-n.ended, context.Canceled)
	m = c.ask(`{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	require.Equal(t, "2", string(m.ID), "a cancelled request is not answered")
}

func TestStdioBusy(t *testing.T) {
	s, n, _ := start(t, Config{MaxInFlight: 2})
	c := dial(t, s)
	c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}}`)
	c.send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"slow"}}`)
	<-n.slow
	<-n.slow
	m := c.ask(`{"jsonrpc":"2.0","id":3,"method":"ping"}`)
	require.Equal(t, codeBusy, m.Error.Code)
	require.Equal(t, "3", string(m.ID))
	c.stop()
	require.NoError(t, <-c.done)
}

func TestStdioEnds(t *testing.T) {
	t.Run("calls finish after the input ends", func(t *testing.T) {
		s, _, _ := start(t, Config{})
		c := dial(t, s)
		c.send(`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},%s}}`, modernMeta)
		require.Equal(t, "notifications/subscriptions/acknowledged", c.recv().Method)
		_, err := io.WriteString(c.in, `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo"}}`) // no line end
		require.NoError(t, err)
		require.NoError(t, c.in.Close())
		ids := []string{string(c.recv().ID), string(c.recv().ID)}
		require.ElementsMatch(t, []string{"1", "2"}, ids)
		require.NoError(t, <-c.done)
	})
	t.Run("but not for ever", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newFakeNode()
			s, err := New(Config{Drain: 3 * time.Second}, n, nil)
			require.NoError(t, err)
			c := dial(t, s)
			c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}}`)
			<-n.slow
			begun := time.Now()
			require.NoError(t, c.in.Close())
			require.ErrorIs(t, <-n.ended, context.Canceled)
			require.Equal(t, 3*time.Second, time.Since(begun))
			require.NoError(t, <-c.done)
			require.NoError(t, s.Close())
		})
	})
	t.Run("the context", func(t *testing.T) {
		s, n, _ := start(t, Config{})
		c := dial(t, s)
		c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}}`)
		<-n.slow
		c.stop()
		require.ErrorIs(t, <-n.ended, context.Canceled)
		require.NoError(t, <-c.done)
	})
	t.Run("the server", func(t *testing.T) {
		s, n, _ := start(t, Config{})
		c := dial(t, s)
		c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}}`)
		<-n.slow
		require.NoError(t, s.Close())
		require.NoError(t, <-c.done)
		require.ErrorIs(t, s.ServeStdio(t.Context(), strings.NewReader(""), io.Discard), ErrClosed)
	})
	t.Run("the input fails", func(t *testing.T) {
		s, _, _ := start(t, Config{})
		broken := errors.New("disk on fire")
		ir, iw := io.Pipe()
		iw.CloseWithError(broken)
		require.ErrorIs(t, s.ServeStdio(t.Context(), ir, io.Discard), broken)
	})
	t.Run("the output fails", func(t *testing.T) {
		s, _, _ := start(t, Config{})
		ir, iw := io.Pipe()
		or, ow := io.Pipe()
		require.NoError(t, or.Close())
		go func() { _, _ = io.WriteString(iw, `{"jsonrpc":"2.0","id":1,"method":"ping"}`+"\n") }()
		require.ErrorIs(t, s.ServeStdio(t.Context(), ir, ow), io.ErrClosedPipe)
	})
}

func TestStdioListChanged(t *testing.T) {
	s, n, log := start(t, Config{})
	legacy, modern, silent := dial(t, s), dial(t, s), dial(t, s)
	legacy.handshake()
	modern.send(`{"jsonrpc":"2.0","id":41,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},%s}}`, modernMeta)
	require.JSONEq(t, `{"_meta":{"io.modelcontextprotocol/subscriptionId":41},"notifications":{"toolsListChanged":true}}`, string(modern.recv().Params))
	silent.ask(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{%s}}`, modernMeta)

	s.ToolsChanged() // nothing did
	n.add(Tool{Name: "extra"})
	s.ToolsChanged()
	require.Equal(t, "notifications/tools/list_changed", legacy.recv().Method)
	m := modern.recv()
	require.Equal(t, "notifications/tools/list_changed", m.Method)
	require.JSONEq(t, `{"_meta":{"io.modelcontextprotocol/subscriptionId":41}}`, string(m.Params))
	for _, c := range []*stdio{legacy, modern, silent} { // nothing else was sent to anyone
		m := c.ask(`{"jsonrpc":"2.0","id":77,"method":"tools/list","params":{%s}}`, modernMeta)
		require.Equal(t, "77", string(m.ID))
		require.Contains(t, string(m.Result), `"extra"`)
	}
	modern.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":41}}`)
	require.NotNil(t, modern.ask(`{"jsonrpc":"2.0","id":78,"method":"server/discover","params":{%s}}`, modernMeta).Result)
	require.Empty(t, log.String())
}

func TestStdioWithTheLibrarysClient(t *testing.T) {
	s, n, _ := start(t, Config{})
	ir, iw := io.Pipe()
	or, ow := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- s.ServeStdio(t.Context(), ir, ow) }()
	c := client.NewClient(transport.NewIO(or, iw, io.NopCloser(strings.NewReader(""))))
	require.NoError(t, c.Start(t.Context()))
	_, err := c.Initialize(t.Context(), mcp.InitializeRequest{})
	require.NoError(t, err)
	list, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
	require.NoError(t, err)
	require.Len(t, list.Tools, len(n.tools)+2)
	req := mcp.CallToolRequest{}
	req.Params.Name, req.Params.Arguments = "say", map[string]any{"text": "hi"}
	res, err := c.CallTool(t.Context(), req)
	require.NoError(t, err)
	require.False(t, res.IsError)
	require.NoError(t, c.Close())
	require.NoError(t, iw.Close())
	require.NoError(t, <-done)
}
