package client

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/host/folder"
	"github.com/becomingone/becomingone/host/web"
)

// noted is a data folder whose note points at url.
func noted(t *testing.T, url string) (dir string, tokens folder.Tokens) {
	t.Helper()
	dir = t.TempDir()
	tokens, err := folder.OpenTokens(dir)
	require.NoError(t, err)
	require.NoError(t, folder.WriteNode(dir, folder.Node{PID: os.Getpid(), URL: url, Started: time.Now()}))
	return dir, tokens
}

// Whoever holds the port of a dead node learns no token: he cannot prove that he knows one.
func TestStrangerOnThePortGetsNoToken(t *testing.T) {
	var heard []string
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard = append(heard, r.Header.Get("Authorization"))
		fmt.Fprint(w, `{"status":"ok","proof":"00"}`)
	}))
	defer stranger.Close()
	dir, _ := noted(t, stranger.URL)
	for _, owner := range []bool{false, true} {
		_, err := Find(t.Context(), dir, owner)
		require.ErrorContains(t, err, "is not the node of this data folder")
	}
	require.Equal(t, []string{"", ""}, heard)
}

func TestNodeProvesItself(t *testing.T) {
	var agent, got string
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			fmt.Fprintf(w, `{"status":"ok","proof":%q}`, folder.Proof(agent, r.URL.Query().Get("nonce")))
			return
		}
		got = r.Header.Get("Authorization")
		fmt.Fprint(w, `{"name":"n"}`)
	}))
	defer node.Close()
	dir, tokens := noted(t, node.URL)
	agent = tokens.Agent
	c, err := Find(t.Context(), dir, true)
	require.NoError(t, err)
	_, err = c.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Bearer "+tokens.Owner, got)
}

func TestAddressesThatAreNotOurs(t *testing.T) {
	for _, url := range []string{"http://evil.example:4917", "ftp://127.0.0.1", "http://10.0.0.1", "::"} {
		dir, _ := noted(t, url)
		_, err := Find(t.Context(), dir, false)
		require.ErrorContains(t, err, "run/node.json", url)
	}
}

// Only a refused connection means that no node runs: a hung one is told as what it is.
func TestNotRunningAndHung(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	dir, _ := noted(t, gone.URL)
	_, err := Find(t.Context(), dir, false)
	require.ErrorIs(t, err, folder.ErrNotRunning)

	release := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hung.Close()
	defer close(release)
	dir, _ = noted(t, hung.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Find(ctx, dir, false)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, folder.ErrNotRunning)
}

func TestAnswersOfNoNode(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) }))
	defer s.Close()
	_, err := New(s.URL, "").Call(t.Context(), web.CallRequest{Action: "say"})
	require.ErrorContains(t, err, "no verdict")
}

func TestSenseAnswers(t *testing.T) {
	for _, c := range []struct {
		status   int
		body     string
		accepted int
		refused  int
		lines    int
		want     string
	}{
		{200, `{"accepted":3,"rejected":0}`, 3, 0, 0, ""},
		{200, "{\"line\":2,\"error\":\"line 2: x\"}\n{\"accepted\":1,\"rejected\":1}\n", 1, 1, 1, ""},
		{400, "{\"line\":1,\"error\":\"line 1: x\"}\n{\"accepted\":0,\"rejected\":1}\n", 0, 1, 1, ""},
		{503, `{"error":{"code":"unavailable","message":"the node is stopping"}}`, 0, 0, 0, "the node is stopping"},
		{200, "{\"line\":1,\"error\":\"line 1: x\"}\n{\"error\":{\"code\":\"unavailable\",\"message\":\"the node is stopping\"}}", 0, 0, 1, "the node is stopping"},
		{200, `nonsense`, 0, 0, 0, "decode answer of sense"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}))
		got, err := New(s.URL, "").Sense(t.Context(), strings.NewReader("{}"), SenseOptions{NDJSON: true})
		s.Close()
		if c.want == "" {
			require.NoError(t, err, c.body)
		} else {
			require.ErrorContains(t, err, c.want)
		}
		require.Equal(t, c.accepted, got.Accepted)
		require.Equal(t, c.refused, got.Rejected)
		require.Len(t, got.Errors, c.lines)
	}
}
