package gate_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/gate"
)

func TestNamesComeBack(t *testing.T) {
	for e := gate.Read; e <= gate.Critical; e++ {
		b, err := e.MarshalText()
		require.NoError(t, err)
		var again gate.Effect
		require.NoError(t, again.UnmarshalText(b))
		require.Equal(t, e, again)
	}
	for s := gate.Warmup; s <= gate.Stale; s++ {
		b, err := s.MarshalText()
		require.NoError(t, err)
		var again gate.State
		require.NoError(t, again.UnmarshalText(b))
		require.Equal(t, s, again)
		require.Contains(t, []string{"collapse", "accumulate", "dissipate"}, s.Decision())
	}
	for v := gate.Collapse; v <= gate.Dissipate; v++ {
		b, err := v.MarshalText()
		require.NoError(t, err)
		var again gate.Verdict
		require.NoError(t, again.UnmarshalText(b))
		require.Equal(t, v, again)
	}
}

// The zero value and unknown words never pass for a name.
func TestWhatIsNoName(t *testing.T) {
	var e gate.Effect
	_, err := json.Marshal(e)
	require.ErrorContains(t, err, "effect 0")
	require.EqualError(t, e.UnmarshalText([]byte("")), `gate: effect "": not one of read, open, write, critical`)
	var v gate.Verdict
	_, err = v.MarshalText()
	require.Error(t, err)
	require.Error(t, v.UnmarshalText([]byte("executed")))
	var s gate.State
	_, err = s.MarshalText()
	require.Error(t, err)
	require.Error(t, s.UnmarshalText([]byte("open")))
	require.Equal(t, "state(9)", gate.State(9).String())
}
