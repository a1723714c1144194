package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/sdk/abi"
)

func TestTallyTellsAtPowersOfTwo(t *testing.T) {
	p, told := plugin(), 0
	for n := 1; n <= 64; n++ {
		in := fmt.Sprintf(`{"records":[{"index":%d,"type":"sample"}]}`, n)
		out := string(p.Call(abi.OpObserve, []byte(in), nil))
		if out != "\x00{}" {
			told++
			require.Equal(t, "\x00"+fmt.Sprintf(`{"observations":[{"index":%d,"type":"tally","data":{"counts":{"sample":%d}}}]}`, n, n), out)
		}
	}
	require.Equal(t, 7, told)
}

func TestTallyIsBounded(t *testing.T) {
	var c counts
	for n := range 10 * maxTypes {
		c.add(fmt.Sprint("type", n))
	}
	require.Len(t, c.types, maxTypes)
	require.Equal(t, "other", c.types[maxTypes-1])
	require.EqualValues(t, 10*maxTypes-(maxTypes-1), c.n[maxTypes-1])
}
