package signal_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

// TestSplitMix64 holds the generator to the published first outputs of seed 1234567.
func TestSplitMix64(t *testing.T) {
	r := signal.Rand(1234567)
	for _, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821} {
		require.Equal(t, want, r.Uint64())
	}
}

func TestDraws(t *testing.T) {
	a, b := signal.Rand(5), signal.Rand(5)
	for range 1000 {
		u1 := float64(b.Uint64()>>11) * 0x1p-53
		u2 := float64(b.Uint64()>>11) * 0x1p-53
		require.InDelta(t, math.Sqrt(-2*math.Log(1-u1))*math.Cos(2*math.Pi*u2), a.Gauss(), 1e-13)
		p := float64(b.Uint64()>>11) * 0x1p-53
		require.Equal(t, 2*math.Pi*p, a.Phase())
		b.Uint64()
		require.InDelta(t, 1, cmplx.Abs(a.Circle()), 1e-15)
	}
	var sum, sq float64
	const n = 100_000
	for range n {
		g := a.Gauss()
		sum, sq = sum+g, sq+g*g
	}
	require.InDelta(t, 0, sum/n, 4/math.Sqrt(n))
	require.InDelta(t, 1, sq/n, 4*math.Sqrt(2.0/n))
}

func TestStreams(t *testing.T) {
	line, err := phase.NewNCO(3)
	require.NoError(t, err)
	clock := signal.Clock{Start: 7e9, Step: time.Millisecond, Jitter: time.Millisecond}
	for name, v := range map[string]struct {
		make func(seed uint64) *signal.Stream
		want float64 // |mean of x·conj(y)·exp(iωt)|, at ω = 0 or the line's
		w    phase.NCO
	}{
		"tone":     {func(s uint64) *signal.Stream { return signal.Tone(clock, s, line) }, 1, phase.NCO{F: -line.F}},
		"noise":    {func(s uint64) *signal.Stream { return signal.Noise(clock, s) }, 0, phase.NCO{}},
		"coupled":  {func(s uint64) *signal.Stream { return signal.Coupled(clock, s, line, .5) }, math.Exp(-.125), line},
		"jittered": {func(s uint64) *signal.Stream { return signal.Jittered(clock, s, line, 1) }, math.Exp(-.5), phase.NCO{}},
	} {
		a, b := v.make(3), v.make(3)
		var sum complex128
		last := int64(math.MinInt64)
		const n = 20_000
		for k := range int64(n) {
			s, twin := a.Next(), b.Next()
			require.Equal(t, s, twin, name)
			require.NoError(t, s.Validate(1))
			require.GreaterOrEqual(t, s.T, clock.Start+k*1e6)
			require.Less(t, s.T, clock.Start+(k+1)*1e6)
			require.Greater(t, s.T, last)
			last = s.T
			y := complex(1, 0)
			if s.Y != nil {
				y = s.Y[0]
			}
			sum += s.X[0] * cmplx.Conj(y) * v.w.Rotor(s.T)
		}
		require.InDelta(t, v.want, cmplx.Abs(sum)/n, 4/math.Sqrt(n), name)
	}
}

// TestChirp: after s seconds the frequency has risen by rate·s.
func TestChirp(t *testing.T) {
	line, err := phase.NewNCO(10)
	require.NoError(t, err)
	s := signal.Chirp(signal.Clock{Step: time.Millisecond}, 1, line, 4)
	var prev complex128
	for k := range 3000 {
		x := s.Next().X[0]
		if k > 0 {
			hz := cmplx.Phase(x*cmplx.Conj(prev)) / (2 * math.Pi * 1e-3)
			require.InDelta(t, 10+4*(float64(k)-.5)*1e-3, hz, 1e-6)
		}
		prev = x
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	s := signal.Coupled(signal.Clock{Step: 1000, Jitter: 1000}, 1, phase.NCO{F: 99}, .1)
	require.Zero(t, testing.AllocsPerRun(1000, func() { s.Next() }))
}

func ExampleTone() {
	line, err := phase.NewNCO(250)
	if err != nil {
		fmt.Println(err)
		return
	}
	s := signal.Tone(signal.Clock{Step: time.Millisecond}, 1, line)
	for range 3 {
		x := s.Next()
		fmt.Println(x.T, x.X[0])
	}
	// Output:
	// 0 (1+0i)
	// 1000000 (1.3212481854018948e-13+1i)
	// 2000000 (-1+2.6424963708037896e-13i)
}

func BenchmarkStream(b *testing.B) {
	s := signal.Coupled(signal.Clock{Step: 1000}, 1, phase.NCO{F: 99}, .1)
	for b.Loop() {
		s.Next()
	}
}
