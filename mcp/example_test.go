package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/mcp"
)

// closedNode refuses everything.
type closedNode struct{}

func (closedNode) Tools() []mcp.Tool {
	return []mcp.Tool{{Name: "say", Description: "Says a text aloud."}}
}

func (closedNode) Call(context.Context, mcp.Call) (mcp.Result, error) {
	return mcp.Result{
		Verdict: gate.Dissipate, Reason: "field co2 is accumulating", WitnessIndex: 7,
		Keys: []gate.Key{{Name: "signal:co2", Margin: -0.5, Need: "|T|² of 0.90, it is 0.40"}},
	}, nil
}

func (closedNode) Read(context.Context, string) (json.RawMessage, error) {
	return json.RawMessage(`{"fields":[]}`), nil
}

func ExampleServer_ServeStdio() {
	s, err := mcp.New(mcp.Config{Name: "example"}, closedNode{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = s.Close() }()
	in := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"say","arguments":{"text":"hello"}}}`)
	if err := s.ServeStdio(context.Background(), in, os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"jsonrpc":"2.0","id":1,"result":{"_meta":{"becomingone/verdict":"dissipate","becomingone/witness_index":7},"content":[{"type":"text","text":"Not executed (dissipate): field co2 is accumulating\nMissing signal:co2 (margin -0.5): |T|² of 0.90, it is 0.40\nWitness record 7."}],"isError":true,"structuredContent":{"verdict":"dissipate","reason":"field co2 is accumulating","keys":[{"name":"signal:co2","pass":false,"margin":-0.5,"need":"|T|² of 0.90, it is 0.40"}],"witness_index":7}}}
}

func ExampleServer_Handler() {
	s, err := mcp.New(mcp.Config{Token: "secret"}, closedNode{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = s.Close() }()
	mux := http.NewServeMux()
	mux.Handle("/mcp", s.Handler())
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4917/mcp", strings.NewReader(`{}`))
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	// Output: 401 a bearer token is needed
}

func ExampleGuard() {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the page") })
	for _, host := range []string{"localhost:4917", "rebound.example"} {
		w := httptest.NewRecorder()
		mcp.Guard(nil, page).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://"+host+"/", nil))
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 the page
	// 403 host "rebound.example" is not served here
}
