package state_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/phase/state"
)

func written() []byte {
	b := state.Head(nil, 'x', 3)
	b = state.Int(b, math.MinInt64)
	b = state.Uint(b, 7)
	b = state.Bool(b, true)
	b = state.Floats(b, 1.5, -0.25)
	return state.Complexes(b, 2+3i, -1i)
}

func TestRoundTrip(t *testing.T) {
	r := state.Open(written(), 'x', 3)
	require.Equal(t, int64(math.MinInt64), r.Int())
	require.Equal(t, 7, r.Len(7))
	require.True(t, r.Bool())
	var a, b float64
	r.Floats(&a, &b)
	require.Equal(t, []float64{1.5, -0.25}, []float64{a, b})
	z := make([]complex128, 2)
	r.Complexes(z)
	require.Equal(t, []complex128{2 + 3i, -1i}, z)
	require.NoError(t, r.Close())
}

func TestRefusals(t *testing.T) {
	require.ErrorContains(t, state.Open(written(), 'y', 3).Err(), "want tag 0x79")
	require.ErrorContains(t, state.Open(written(), 'x', 4).Err(), "version 4")
	require.ErrorIs(t, state.Open([]byte{'x'}, 'x', 3).Err(), state.ErrShort)
	require.ErrorContains(t, state.Open(written(), 'x', 3).Close(), "bytes behind")

	r := state.Open(state.Uint([]byte{'x', 3}, 9), 'x', 3)
	require.Zero(t, r.Len(8))
	require.ErrorContains(t, r.Err(), "not in 0…8")
	r = state.Open([]byte{'x', 3, 2}, 'x', 3)
	r.Bool()
	require.ErrorContains(t, r.Err(), "not 0 or 1")
	for _, v := range []float64{math.NaN(), math.Inf(-1)} {
		r = state.Open(state.Float([]byte{'x', 3}, v), 'x', 3)
		require.Zero(t, r.Float())
		require.ErrorContains(t, r.Close(), "not finite")
	}
}
