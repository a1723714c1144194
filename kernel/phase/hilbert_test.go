package phase_test

import (
	"fmt"
	"math"
	"math/big"
	"math/cmplx"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/phase"
)

func hilbert(taps int) phase.Config {
	return phase.Config{Reading: phase.ByEnergy, Hilbert: phase.Hilbert{Taps: taps, Period: time.Millisecond}}
}

// TestHilbertBand: within its band a line on a level becomes the phasor of its own phase at the middle
// sample's time, to 0.2 % of its amplitude.
func TestHilbertBand(t *testing.T) {
	for _, taps := range []int{31, 63, 255} {
		edge := 3e3 / float64(taps)
		for _, hz := range []float64{edge, 1.3 * edge, 250, 333, 500 - edge} {
			e := estimator(t, hilbert(taps))
			for k := range int64(2 * taps) {
				at := 7 + k*1e6
				line := func(at int64) float64 { return 2*math.Pi*hz*float64(at)*1e-9 + 0.7 }
				s := phase.Sample{T: at, Form: phase.Real, R: []float64{40 + 3*math.Cos(line(at))}}
				p, ok, err := e.Step(&s)
				require.NoError(t, err)
				require.Equal(t, k >= int64(taps)-1, ok)
				if !ok {
					continue
				}
				require.Equal(t, at-int64(taps/2)*1e6, p.T)
				require.Equal(t, time.Duration(at-p.T), phase.Hilbert{Taps: taps, Period: time.Millisecond}.Delay())
				require.InDelta(t, 0, cmplx.Abs(p.U[0]-3*cmplx.Exp(complex(0, line(p.T)))), .006, "%d %v", taps, hz)
			}
		}
	}
}

// TestHilbertReference: signal and reference pass the same filter; jitter within an eighth keeps it full, a
// gap begins it anew.
func TestHilbertReference(t *testing.T) {
	cfg := hilbert(31)
	cfg.Reading = phase.ByPhase
	e := estimator(t, cfg)
	at, points := int64(0), 0
	for k := range 200 {
		step := int64(1e6)
		if k%3 == 0 {
			step += 100_000
		}
		if k == 100 {
			step = 2e6
		}
		at += step
		a := 2 * math.Pi * 200 * float64(at) * 1e-9
		s := phase.Sample{T: at, Form: phase.Real, R: []float64{5 * math.Cos(a)}, YR: []float64{math.Cos(a - 1)}}
		p, ok, err := e.Step(&s)
		require.NoError(t, err)
		require.Equal(t, k >= 30 && k < 100 || k >= 130, ok, k)
		if ok {
			points++
			require.Equal(t, 1.0, p.Weight)
			require.InDelta(t, 1, cmplx.Abs(p.V[0]), 1e-12)
		}
		again := s
		again.T = at
		_, ok, err = e.Step(&again)
		require.NoError(t, err)
		require.False(t, ok, "the same instant twice")
		again.T--
		_, _, err = e.Step(&again)
		require.ErrorIs(t, err, phase.ErrLate)
		again.YR, again.Y, again.T = nil, []complex128{1}, at+1
		_, _, err = e.Step(&again)
		require.ErrorContains(t, err, "want YR")
	}
	require.Equal(t, 140, points)
}

// TestHilbertOfAConstant: a level has no phase and so no weight, whatever it is.
func TestHilbertOfAConstant(t *testing.T) {
	cfg := hilbert(63)
	cfg.Reading = phase.ByPhase
	for _, level := range []float64{0, 1, -1e9, 0.1, 1e140} {
		e := estimator(t, cfg)
		for k := range int64(100) {
			s := phase.Sample{T: k * 1e6, Form: phase.Real, R: []float64{level}}
			p, ok, err := e.Step(&s)
			require.NoError(t, err)
			require.True(t, !ok || p.Weight == 0, level)
		}
	}
}

func TestHilbertRestore(t *testing.T) {
	cfg := hilbert(15)
	cfg.MotionFloor = .01
	a, b := estimator(t, cfg), estimator(t, cfg)
	var data []byte
	for k := range int64(100) {
		s := phase.Sample{T: k * 1e6, Form: phase.Real, R: []float64{math.Cos(float64(k * k))}}
		p, ok, err := a.Step(&s)
		require.NoError(t, err)
		q, okB, err := b.Step(&s)
		require.NoError(t, err)
		require.Equal(t, ok, okB)
		require.Equal(t, p, q)
		data, err = b.AppendBinary(nil)
		require.NoError(t, err)
		b = estimator(t, cfg)
		require.NoError(t, b.UnmarshalBinary(data))
	}
	for cut := range data {
		require.Error(t, estimator(t, cfg).UnmarshalBinary(data[:cut]))
	}
	x := []float64{0}
	s := phase.Sample{T: 1e9, Form: phase.Real, R: x}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		s.T += 1e6
		x[0] = math.Sin(float64(s.T))
		if _, _, err := a.Step(&s); err != nil {
			t.Fatal(err)
		}
	}))
}

func TestHilbertConfigErrors(t *testing.T) {
	for want, cfg := range map[string]phase.Config{
		"taps 8":    hilbert(8),
		"taps 5":    hilbert(5),
		"taps 4097": hilbert(4097),
		"taps 0":    {Hilbert: phase.Hilbert{Period: 1}},
		"period 0s": {Hilbert: phase.Hilbert{Taps: 7}},
		"want real": {Form: phase.Angle, Hilbert: phase.Hilbert{Taps: 7, Period: 1}},
		"one of":    {Hilbert: phase.Hilbert{Taps: 7, Period: 1}, LockIn: phase.LockIn{NCO: phase.NCO{F: 1}, Tau: 1}},
	} {
		_, err := phase.NewEstimator(cfg)
		require.ErrorContains(t, err, want)
	}
}

// TestFineNCO: 128 bits carry a cycle a year to the last bit of the phase over three centuries, and the 64
// above them are those of the plain oscillator.
func TestFineNCO(t *testing.T) {
	year := big.NewRat(1, 365*86400+86400/4)
	half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 63))
	for _, hz := range []*big.Rat{year, new(big.Rat).Neg(year), big.NewRat(1, 3), big.NewRat(-1e8, 3), big.NewRat(1, 4), big.NewRat(1, 1e18)} {
		n, err := phase.NewFineNCO(hz)
		require.NoError(t, err)
		for _, at := range []int64{0, 1, -1, 1e9, 1_771_400_000_000_000_000, math.MaxInt64, -1_771_400_000_000_000_000, math.MinInt64 + 1} {
			turns := new(big.Rat).Mul(hz, big.NewRat(at, 1_000_000_000))
			got := new(big.Rat).SetFrac(new(big.Int).SetUint64(n.Phase(at)), new(big.Int).Lsh(big.NewInt(1), 64))
			diff := got.Sub(got, turns)
			diff.Sub(diff, new(big.Rat).SetInt(floorRat(new(big.Rat).Add(diff, big.NewRat(1, 2)))))
			require.LessOrEqual(t, diff.Abs(diff).Cmp(half), 0, "%s at %d", hz, at)
		}
	}
	plain, err := phase.NewRationalNCO(year)
	require.NoError(t, err)
	fine, err := phase.NewFineNCO(year)
	require.NoError(t, err)
	off := int64(plain.F - fine.F)
	require.LessOrEqual(t, off*off, int64(1))
	require.False(t, phase.NCO{Fine: 1}.Still())
	require.True(t, phase.NCO{T0: 9}.Still())
	_, err = phase.NewFineNCO(big.NewRat(5e8, 1))
	require.ErrorContains(t, err, "frequency")
	cfg := phase.LockIn{NCO: fine, Tau: time.Hour}
	require.NoError(t, cfg.Validate())
	require.True(t, cfg.On())
}

func floorRat(r *big.Rat) *big.Int { return new(big.Int).Div(r.Num(), r.Denom()) }

func ExampleHilbert() {
	e, err := phase.NewEstimator(phase.Config{
		Reading: phase.ByEnergy, Hilbert: phase.Hilbert{Taps: 63, Period: time.Millisecond},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for k := range int64(63) {
		s := phase.Sample{T: k * 1e6, Form: phase.Real, R: []float64{2 * math.Cos(2*math.Pi*0.1*float64(k-31))}}
		if p, ok, err := e.Step(&s); err == nil && ok {
			fmt.Printf("%v: %.2f\n", time.Duration(p.T), real(p.U[0]))
		}
	}
	// Output: 31ms: 2.00
}
