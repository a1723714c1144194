package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/sdk/abi"
)

func TestHello(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"action":"hello","arguments":{"name":"Zoë"},"time_ns":7}`, "\x00" + `{"content":[{"type":"text","text":"Hello, Zoë!"}],"structured":{"greeting":"Hello, Zoë!","characters":3,"time_ns":7}}`},
		{`{"action":"hello","arguments":{"name":"x"},"state":{"field":"co2","T_sync":[0.5,0]}}`, "\x00" + `{"content":[{"type":"text","text":"Hello, x!"}],"structured":{"greeting":"Hello, x!","characters":1,"time_ns":0,"coherence":0.25}}`},
		{`{"action":"hello","arguments":{"name":""}}`, "\x01" + `{"code":"invalid","message":"name: want a string of 1…100 characters"}`},
		{`{"action":"hello","arguments":{}}`, "\x01" + `{"code":"invalid","message":"name: want a string of 1…100 characters"}`},
	} {
		require.Equal(t, c.want, string(plugin().Call(abi.OpAct, []byte(c.in), nil)))
	}
	d := plugin().Describe()
	require.NoError(t, d.Validate())
}
