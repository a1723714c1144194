package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func errorOf(t *testing.T, body []byte) *Error {
	t.Helper()
	var got struct {
		Error *Error `json:"error"`
	}
	require.NoError(t, json.Unmarshal(body, &got), "%s", body)
	require.NotNil(t, got.Error, "%s", body)
	return got.Error
}

func TestRoutesAnswer(t *testing.T) {
	s, _ := newServer(t, func(c *Config) {
		c.Metrics = func(w io.Writer) error { _, err := fmt.Fprintln(w, "becomingone_fields 2"); return err }
	})
	for _, c := range []struct{ method, path, body, auth, want string }{
		{"GET", "/", "", "", "<title>BecomingOne</title>"},
		{"GET", "/app.js", "", "", "requestAnimationFrame"},
		{"GET", "/style.css", "", "", "prefers-color-scheme"},
		{"GET", "/healthz", "", "", `"status":"ok"`},
		{"GET", "/readyz", "", "", `"status":"ready"`},
		{"GET", "/metrics", "", "", "becomingone_fields 2"},
		{"GET", "/api/v1/status", "", "", `"viewer":"nobody"`},
		{"GET", "/api/v1/status", "", asAgent(), `"viewer":"agent"`},
		{"GET", "/api/v1/status", "", asOwner(), `"viewer":"owner"`},
		{"GET", "/api/v1/tools", "", "", `"name":"say"`},
		{"POST", "/api/v1/call", `{"action":"say","arguments":{"text":"hello"}}`, asAgent(), `"verdict":"collapse"`},
		{"POST", "/api/v1/call", `{"action":"announce"}`, asOwner(), `"verdict":"dissipate"`},
		{"GET", "/api/v1/witness", "", asAgent(), `"size":120`},
		{"GET", "/api/v1/witness/119", "", asAgent(), `"proof":{`},
		{"POST", "/api/v1/pair/code", "", asOwner(), `/#pair=`},
		{"GET", "/mcp", "", asAgent(), "agent"},
		{"POST", "/mcp", "{}", asOwner(), "owner"},
	} {
		t.Run(c.method+c.path+c.auth, func(t *testing.T) {
			w := ask(s, c.method, c.path, c.body, c.auth)
			require.Equal(t, 200, w.Code, w.Body.String())
			require.Contains(t, w.Body.String(), c.want)
			require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'")
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
		})
	}
}

func TestErrorsNameWhatIsWrong(t *testing.T) {
	s, _ := newServer(t, nil)
	json80 := `{"action":"say","arguments":` + strings.Repeat(" ", 2<<20) + `{}}`
	for _, c := range []struct {
		name, method, path, body string
		head                     []string
		status                   int
		code                     Code
		field, says              string
	}{
		{"no route", "GET", "/api/v2", "", nil, 404, NotFound, "", "/api/v2"},
		{"method", "DELETE", "/api/v1/status", "", nil, 405, BadMethod, "", "want GET"},
		{"call without token", "POST", "/api/v1/call", `{"action":"say"}`, nil, 401, Unauthenticated, "Authorization", "agent or owner token"},
		{"sense without token", "POST", "/api/v1/sense", `{}`, nil, 401, Unauthenticated, "Authorization", "agent or owner token"},
		{"witness without token", "GET", "/api/v1/witness", "", nil, 401, Unauthenticated, "Authorization", "agent or owner token"},
		{"mcp without token", "POST", "/mcp", "{}", nil, 401, Unauthenticated, "Authorization", "agent or owner token"},
		{"owner's route without token", "POST", "/api/v1/pair/code", "", nil, 401, Unauthenticated, "Authorization", "owner token"},
		{"owner's route as agent", "POST", "/api/v1/pair/code", "", []string{asAgent()}, 403, Forbidden, "Authorization", "agent token is not enough"},
		{"wrong token where none is needed", "GET", "/api/v1/status", "", []string{"Authorization: Bearer agent-token-for-tests-9999"}, 401, Unauthenticated, "Authorization", "neither"},
		{"other scheme", "GET", "/api/v1/status", "", []string{"Authorization: Basic eDp5"}, 401, Unauthenticated, "Authorization", "Bearer TOKEN"},
		{"foreign host", "GET", "/", "", []string{"Host: evil.example:4917"}, 403, Forbidden, "Host", "evil.example"},
		{"foreign origin", "POST", "/api/v1/call", `{}`, []string{asOwner(), "Origin: https://evil.example"}, 403, Forbidden, "Origin", "evil.example"},
		{"other port is another origin", "GET", "/api/v1/status", "", []string{"Origin: http://127.0.0.1:3000"}, 403, Forbidden, "Origin", "127.0.0.1:3000"},
		{"opaque origin", "GET", "/events", "", []string{"Origin: null"}, 403, Forbidden, "Origin", "null"},
		{"foreign page's script", "GET", "/app.js", "", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}, 403, Forbidden, "Sec-Fetch-Site", "foreign"},
		{"call: not JSON", "POST", "/api/v1/call", `{"action"`, []string{asAgent()}, 400, Invalid, "body", "JSON"},
		{"call: two values", "POST", "/api/v1/call", `{"action":"say"} {}`, []string{asAgent()}, 400, Invalid, "body", "more than one"},
		{"call: empty", "POST", "/api/v1/call", ``, []string{asAgent()}, 400, Invalid, "body", "empty"},
		{"call: unknown field", "POST", "/api/v1/call", `{"actoin":"say"}`, []string{asAgent()}, 400, Invalid, "body", "actoin"},
		{"call: no action", "POST", "/api/v1/call", `{}`, []string{asAgent()}, 400, Invalid, "action", "name of an action"},
		{"call: arguments", "POST", "/api/v1/call", `{"action":"say","arguments":[1]}`, []string{asAgent()}, 400, Invalid, "arguments", "JSON object"},
		{"call: type", "POST", "/api/v1/call", `{}`, []string{asAgent(), "Content-Type: text/plain"}, 415, Unsupported, "Content-Type", "application/json"},
		{"call: size", "POST", "/api/v1/call", json80, []string{asAgent()}, 413, TooLarge, "body", "1048576"},
		{"witness: n", "GET", "/api/v1/witness?n=0", "", []string{asAgent()}, 400, Invalid, "n", "1 to 1000"},
		{"witness: from", "GET", "/api/v1/witness?from=121", "", []string{asAgent()}, 400, Invalid, "from", "0 to 120"},
		{"witness: index", "GET", "/api/v1/witness/-1", "", []string{asAgent()}, 400, Invalid, "index", "number"},
		{"witness: beyond", "GET", "/api/v1/witness/120", "", []string{asAgent()}, 404, NotFound, "index", "120 entries"},
		{"pair: wrong code", "POST", "/api/v1/pair", `{"code":"x"}`, nil, 401, Unauthenticated, "code", "wrong, used or older"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ask(s, c.method, c.path, c.body, c.head...)
			require.Equal(t, c.status, w.Code, w.Body.String())
			e := errorOf(t, w.Body.Bytes())
			require.Equal(t, c.code, e.Code)
			require.Equal(t, c.field, e.Field)
			require.Contains(t, e.Message, c.says)
			require.NotContains(t, w.Body.String(), "agent-token-for-tests")
		})
	}
}

func TestNodeErrorsKeepTheirCauseToThemselves(t *testing.T) {
	s, n := newServer(t, func(c *Config) { c.CallTimeout = 100 * time.Millisecond })
	n.err = errors.New("store: write /secret/path: disk full")
	w := ask(s, "POST", "/api/v1/call", `{"action":"say"}`, asAgent())
	require.Equal(t, 500, w.Code)
	require.NotContains(t, w.Body.String(), "/secret/path")

	n.err = &Error{Code: NotFound, Field: "action", Message: `action "sya": want one of say`}
	w = ask(s, "POST", "/api/v1/call", `{"action":"sya"}`, asAgent())
	require.Equal(t, 404, w.Code)
	require.Equal(t, "action", errorOf(t, w.Body.Bytes()).Field)

	n.err, n.wait = nil, true
	w = ask(s, "POST", "/api/v1/call", `{"action":"say"}`, asAgent())
	require.Equal(t, 504, w.Code)
	require.Equal(t, Timeout, errorOf(t, w.Body.Bytes()).Code)
}

func TestOnlyTheOwnerReadsWhatWasSaid(t *testing.T) {
	s, _ := newServer(t, nil)
	for _, path := range []string{"/api/v1/status", "/api/v1/witness", "/api/v1/witness/5"} {
		require.NotContains(t, ask(s, "GET", path, "", asAgent()).Body.String(), secretText, path)
		require.Contains(t, ask(s, "GET", path, "", asOwner()).Body.String(), secretText, path)
	}
	open := ask(s, "GET", "/api/v1/status", "").Body.String()
	require.NotContains(t, open, secretText)
	require.Contains(t, open, "accumulating with |T|² 0.640 of 0.95", "the need of a signal key is numbers and stays")
}

func TestCallReachesTheNodeWithItsRole(t *testing.T) {
	s, n := newServer(t, nil)
	ask(s, "POST", "/api/v1/call", `{"action":"say","session":"s"}`, asAgent())
	ask(s, "POST", "/api/v1/call", `{"action":"say","arguments":{"a":1}}`, asOwner())
	calls, roles, _ := n.seen()
	require.Equal(t, []Role{Agent, Owner}, roles)
	require.Equal(t, CallRequest{Action: "say", Session: "s", Arguments: json.RawMessage("{}")}, calls[0])
	require.JSONEq(t, `{"a":1}`, string(calls[1].Arguments))
}

func TestRequireTokenClosesReading(t *testing.T) {
	s, _ := newServer(t, func(c *Config) { c.RequireToken = true })
	for _, path := range []string{"/events", "/api/v1/status", "/api/v1/tools", "/metrics"} {
		require.Equal(t, 401, ask(s, "GET", path, "").Code, path)
	}
	require.Equal(t, 200, ask(s, "GET", "/", "").Code, "the page itself holds no data")
	require.Equal(t, 200, ask(s, "GET", "/api/v1/status", "", asAgent()).Code)
}

func TestOpenMCPMakesLoopbackCallersAgents(t *testing.T) {
	s, _ := newServer(t, func(c *Config) { c.OpenMCP = true })
	require.Equal(t, "agent", ask(s, "POST", "/mcp", "{}").Body.String())
	require.Equal(t, "owner", ask(s, "POST", "/mcp", "{}", asOwner()).Body.String())
	require.Equal(t, 403, ask(s, "POST", "/mcp", "{}", "Origin: http://localhost:6274").Code)
}

func TestPartsThatAreAbsentAreNotFound(t *testing.T) {
	s, err := New(DefaultConfig(), &fakeNode{}, nil)
	require.NoError(t, err)
	for _, path := range []string{"/mcp", "/api/v1/tools", "/api/v1/witness"} {
		require.Equal(t, 404, ask(s, "GET", path, "").Code, path)
	}
	require.Equal(t, 401, ask(s, "GET", "/api/v1/status", "", "Authorization: Bearer ").Code, "an empty token is no token")
}

func TestReadyzSaysWhenItIsNot(t *testing.T) {
	s, _ := newServer(t, func(c *Config) { c.Ready = func() error { return errors.New("store: recovering") } })
	require.Equal(t, 503, ask(s, "GET", "/readyz", "").Code)
	require.Equal(t, 200, ask(s, "GET", "/healthz", "").Code)
}

func TestMetricsCountAnswers(t *testing.T) {
	s, _ := newServer(t, nil)
	ask(s, "GET", "/nowhere", "")
	require.NoError(t, s.Publish("log", encoded(Log{Size: 1})))
	body := ask(s, "GET", "/metrics", "").Body.String()
	require.Contains(t, body, `becomingone_web_requests_total{class="4xx"} 1`)
	require.Contains(t, body, "becomingone_web_events_total 1")
}

func TestAssetsAreCachedByContent(t *testing.T) {
	s, _ := newServer(t, nil)
	tag := ask(s, "GET", "/app.js", "").Header().Get("ETag")
	require.NotEmpty(t, tag)
	require.Equal(t, 304, ask(s, "GET", "/app.js", "", "If-None-Match: "+tag).Code)
}

func TestConfigRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		says   string
	}{
		{"beyond loopback without TLS", func(c *Config) { c.Addr = "0.0.0.0:4917" }, `addr "0.0.0.0:4917"`},
		{"every interface", func(c *Config) { c.Addr = ":4917" }, "beyond loopback"},
		{"beyond loopback without token", func(c *Config) {
			c.Addr, c.CertFile, c.KeyFile, c.AgentToken, c.OwnerToken = "10.0.0.1:1", "c", "k", "", ""
		}, "agent_token or owner_token"},
		{"open mcp beyond loopback", func(c *Config) { c.Addr, c.CertFile, c.KeyFile, c.OpenMCP = "10.0.0.1:1", "c", "k", true }, "open_mcp"},
		{"half a certificate", func(c *Config) { c.CertFile = "c" }, "both or neither"},
		{"no port", func(c *Config) { c.Addr = "localhost" }, "host:port"},
		{"short token", func(c *Config) { c.AgentToken = "short" }, "at least 16"},
		{"same tokens", func(c *Config) { c.OwnerToken = c.AgentToken }, "owner_token: the same"},
		{"token with space", func(c *Config) { c.OwnerToken = "owner token with spaces" }, "printable"},
		{"heartbeat", func(c *Config) { c.Heartbeat = time.Millisecond }, "heartbeat 1ms: want 1s to 5m0s"},
		{"buffer", func(c *Config) { c.Buffer = 0 }, "buffer 0: want 1 to 65536"},
		{"host with port", func(c *Config) { c.Hosts = []string{"a:1"} }, "hosts[0]"},
		{"origin with path", func(c *Config) { c.Origins = []string{"https://a/b"} }, "origins[0]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig()
			c.change(&cfg)
			require.ErrorContains(t, cfg.Validate(), c.says)
			_, err := New(cfg, &fakeNode{}, nil)
			require.Error(t, err)
		})
	}
	require.NoError(t, testConfig().Validate())
	_, err := New(DefaultConfig(), nil, nil)
	require.ErrorContains(t, err, "node is nil")
}

func TestServeStopsWithOpenStreams(t *testing.T) {
	s, _ := newServer(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	resp, err := http.Get("http://" + ln.Addr().String() + "/events")
	require.NoError(t, err)
	defer resp.Body.Close()
	cancel()
	_, err = io.ReadAll(resp.Body)
	require.NoError(t, err, "the stream ends properly")
	require.NoError(t, <-done)
	require.Equal(t, 503, ask(s, "GET", "/events", "").Code)
}

func ExampleServer_Publish() {
	s, err := New(DefaultConfig(), &fakeNode{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Println(s.Publish("log", json.RawMessage(`{"size":3,"checkpoint_at":0,"checkpoint":0}`)))
	fmt.Println(s.Publish("mood", json.RawMessage(`{}`)))
	// Output:
	// <nil>
	// web: event "mood": not one of field, decision, action, question, plugin, hook, log, status
}

func ExampleConfig_Validate() {
	cfg := DefaultConfig()
	cfg.Addr = "0.0.0.0:4917"
	fmt.Println(cfg.Validate())
	// Output:
	// web: config addr "0.0.0.0:4917": is beyond loopback, want cert_file and key_file, or 127.0.0.1
}

func TestServeStopsWithAListeningMCPClient(t *testing.T) {
	reached := make(chan struct{})
	s, _ := newServer(t, func(c *Config) {
		c.MCP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { close(reached); <-r.Context().Done() })
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+ln.Addr().String()+"/mcp", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+agentToken)
	answered := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			err = resp.Body.Close()
		}
		answered <- err
	}()
	<-reached
	stopped := time.Now()
	cancel()
	require.NoError(t, <-done)
	require.NoError(t, <-answered)
	require.Less(t, time.Since(stopped), stopGrace, "the listener was told to go, not waited out")
}

func ExampleNew() {
	cfg := DefaultConfig()
	cfg.AgentToken = "agent-token-for-tests-0001"
	s, err := New(cfg, &fakeNode{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Print(ask(s, "POST", "/api/v1/call", `{"action":"say"}`).Body)
	fmt.Print(ask(s, "POST", "/api/v1/call", `{"action":"say"}`, "Authorization: Bearer agent-token-for-tests-0001").Body)
	// Output:
	// {"error":{"code":"unauthenticated","message":"needs the agent or owner token (Authorization: Bearer TOKEN) or a paired page","field":"Authorization"}}
	// {"verdict":"collapse","action":"say","session":"","content":[{"type":"text","text":"hello"}],"reason":"every key held","keys":[{"name":"session","pass":true,"margin":0,"need":"holds"}],"witness_index":3}
}
