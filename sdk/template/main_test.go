package main

import (
	"testing"

	"github.com/becomingone/becomingone/sdk/abi"
)

// The same value that runs in the sandbox answers here, so a plugin is tested with go test.
func TestHello(t *testing.T) {
	for in, want := range map[string]string{
		`{"action":"hello","arguments":{"name":"Ada"}}`: "\x00" + `{"content":[{"type":"text","text":"Hello, Ada!"}],"structured":{"greeting":"Hello, Ada!"}}`,
		`{"action":"hello","arguments":{}}`:             "\x00" + `{"content":[{"type":"text","text":"Hello, world!"}],"structured":{"greeting":"Hello, world!"}}`,
		`{"action":"hello","arguments":{"name":""}}`:    "\x01" + `{"code":"invalid","message":"name: want a string that is not empty"}`,
	} {
		if got := string(plugin().Call(abi.OpAct, []byte(in), nil)); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
