package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/sdk/abi"
)

func TestSpeak(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"action":"say","arguments":{"text":"a\"b"}}`, "\x00" + `{"content":[{"type":"text","text":"a\"b"}],"structured":{"said":"a\"b"}}`},
		{`{"action":"say","arguments":{}}`, "\x01" + `{"code":"invalid","message":"text: missing, want a string of 1…500 characters"}`},
		{`{"action":"say","arguments":{"text":5}}`, "\x01" + `{"code":"invalid","message":"text: want a string of 1…500 characters"}`},
		{`{"action":"announce","state":{"field":"co2","T_sync":[0,-0.5]}}`, "\x00" + `{"content":[{"type":"text","text":"the CO2 record is coherent"}],"structured":{"said":"the CO2 record is coherent","field":"co2","coherence":0.25}}`},
		{`{"action":"announce-shuffled","arguments":{"text":"x"}}`, "\x00" + `{"content":[{"type":"text","text":"x"}],"structured":{"said":"x"}}`},
	} {
		require.Equal(t, c.want, string(plugin().Call(abi.OpAct, []byte(c.in), nil)))
	}
	_, err := abi.Answer(plugin().Call(abi.OpDescribe, nil, nil))
	require.NoError(t, err)
}
