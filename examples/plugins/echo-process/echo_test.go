package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/sdk/abi"
)

func TestEcho(t *testing.T) {
	p := plugin()
	for _, c := range []struct{ in, want string }{
		{`{"action":"echo","arguments":{"text":"a\"b"}}`, "\x00" + `{"content":[{"type":"text","text":"a\"b"}],"structured":{"text":"a\"b","calls":1}}`},
		{`{"action":"echo","arguments":{"text":5}}`, "\x01" + `{"code":"invalid","message":"text: want a string"}`},
		{`{"action":"echo","arguments":{"text":""}}`, "\x00" + `{"content":[{"type":"text"}],"structured":{"text":"","calls":2}}`},
	} {
		require.Equal(t, c.want, string(p.Call(abi.OpAct, []byte(c.in), nil)))
	}
}
