package literal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/literal"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

func listen(t testing.TB, omega float64, lag int) *literal.Integral {
	t.Helper()
	nco, err := phase.NewNCO(omega / (2 * math.Pi))
	require.NoError(t, err)
	g, err := literal.New(literal.Config{Omega: nco, Lag: lag})
	require.NoError(t, err)
	return g
}

// fm is the phase w0·t + beta·sin(w·t) and its velocity.
type fm struct{ w0, beta, w float64 }

func (f fm) velocity(t float64) float64 { return f.w0 + f.beta*f.w*math.Cos(f.w*t) }

// line returns what the mean tends to at omega = -k·w: the closed forms of KERNEL.md 1.2.
func (f fm) line(k int, lag float64) complex128 {
	d, turn := f.beta*f.w, cmplx.Exp(complex(0, -f.w*lag))
	switch k {
	case 0:
		return complex(f.w0*f.w0+d*d*math.Cos(f.w*lag)/2, 0)
	case 1:
		return complex(f.w0*d/2, 0) * (1 + turn)
	case 2:
		return complex(d*d/4, 0) * turn
	}
	return 0
}

// mean integrates from 0 to 50π in 20000 steps as case 07 does. A step is told as 1000 ns, so that its
// times are whole and the oscillator's rounding vanishes; the unit of the answer is turned back.
func (f fm) mean(t *testing.T, omega, lag float64) complex128 {
	const step = math.Pi / 400
	const faster = step / 1e-6
	g := listen(t, omega*faster, 0)
	for k := range 20_001 {
		at := float64(k) * step
		require.NoError(t, g.Add(int64(k)*1000, faster*f.velocity(at), faster*f.velocity(at-lag)))
	}
	_, span, mean := g.Read()
	require.InEpsilon(t, 50*math.Pi, span*faster, 1e-12)
	return mean / (faster * faster)
}

func TestCase07LiteralFM(t *testing.T) {
	type row struct {
		W0, Beta float64
		W        float64
		Tau      float64
		Omega    float64
		T        [2]float64
	}
	rows := []row{ // of the file, for a clone without it
		{5, .7, 2, .4, 0, [2]float64{25.68277257516022, 0}},
		{5, .7, 2, .4, -2, [2]float64{5.938473482715065, -2.510746318148342}},
		{5, .7, 2, .4, 2.74, [2]float64{-.03032820266064646, .2346612563918541}},
	}
	name, err := filepath.Abs("../../../shared/cases/07_literal_fm.json")
	require.NoError(t, err)
	if b, err := os.ReadFile(name); err == nil {
		var c struct {
			Cases     []row
			Tolerance float64
		}
		require.NoError(t, json.Unmarshal(b, &c))
		require.Len(t, c.Cases, 5)
		require.Equal(t, 1e-9, c.Tolerance)
		rows = append(rows, c.Cases...)
	} else {
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	for _, v := range rows {
		f := fm{v.W0, v.Beta, v.W}
		got := f.mean(t, v.Omega, v.Tau)
		require.InDelta(t, v.T[0], real(got), 1e-9, v)
		require.InDelta(t, v.T[1], imag(got), 1e-9, v)
		if k := -v.Omega / v.W; k == math.Trunc(k) {
			require.InDelta(t, 0, cmplx.Abs(got-f.line(int(k), v.Tau)), 1e-9, v)
		}
	}
}

// TestBlindToASteadyOscillator: of φ' = w0 it says w0² at ω = 0 whatever w0 is, and nothing elsewhere.
func TestBlindToASteadyOscillator(t *testing.T) {
	for _, w0 := range []float64{.01, 1, 100} {
		f := fm{w0: w0, w: 2}
		require.InDelta(t, w0*w0, real(f.mean(t, 0, .4)), 1e-9*w0*w0)
		for _, omega := range []float64{-2, 2, 4} {
			require.InDelta(t, 0, cmplx.Abs(f.mean(t, omega, .4)), 1e-8*w0*w0)
		}
	}
}

// TestGrowsWithWindowAndLoudness: noise alone passes any threshold: |T| grows by the square of the loudness
// and, off zero, by the root of the window; its mean square is that of a random walk.
func TestGrowsWithWindowAndLoudness(t *testing.T) {
	const omega, dt, runs = 40, 1e-2, 200
	power := func(loud float64, n int) float64 {
		sum := 0.0
		for seed := range uint64(runs) {
			r, g := signal.Rand(seed), listen(t, omega, 0)
			for k := range n + 1 {
				require.NoError(t, g.Add(int64(k)*1e7, loud*r.Gauss(), loud*r.Gauss()))
			}
			s, _, _ := g.Read()
			sum += real(s)*real(s) + imag(s)*imag(s)
		}
		return sum / runs
	}
	for _, loud := range []float64{1, 10} {
		for _, n := range []int{100, 1600} {
			want := math.Pow(loud, 4) * float64(n) * dt * dt
			require.InEpsilon(t, want, power(loud, n), 4*math.Sqrt(1.5/runs), "loud %v, n %d", loud, n)
		}
	}
	require.Greater(t, math.Sqrt(power(100, 400)), .95, "I_c means nothing here")
}

// TestTimeIsNoScale: the same story told twice as fast has another |T|, and so there is no scale invariance.
func TestTimeIsNoScale(t *testing.T) {
	slow, fast := listen(t, 0, 0), listen(t, 0, 0)
	for k := range int64(1001) {
		phi := .3*float64(k) + math.Sin(.1*float64(k))
		require.NoError(t, slow.Phase(2e6*k, phi))
		require.NoError(t, fast.Phase(1e6*k, phi))
	}
	a, _, _ := slow.Read()
	b, _, _ := fast.Read()
	require.InEpsilon(t, 2, real(b)/real(a), 1e-12)
}

// TestPhaseIsAddOfDifferences, with a delay of samples.
func TestPhaseIsAddOfDifferences(t *testing.T) {
	for _, lag := range []int{0, 1, 3, 17} {
		g, want := listen(t, -2, lag), listen(t, -2, 0)
		r := signal.Rand(5)
		var v []float64
		at, phi := int64(-1e9), 0.0
		require.NoError(t, g.Phase(at, phi))
		for range 200 {
			dt := 1 + int64(r.Uint64()%1e7)
			step := r.Gauss()
			at, phi = at+dt, phi+step
			require.NoError(t, g.Phase(at, phi))
			v = append(v, step/(float64(dt)*1e-9))
			if k := len(v) - 1 - lag; k >= 0 {
				require.NoError(t, want.Add(at, v[len(v)-1], v[k]))
			}
		}
		a, span, _ := g.Read()
		b, wantSpan, _ := want.Read()
		require.Equal(t, wantSpan, span)
		require.InDelta(t, 0, cmplx.Abs(a-b), 1e-9*cmplx.Abs(b), lag)
	}
}

func TestRefuses(t *testing.T) {
	for _, lag := range []int{-1, literal.MaxLag + 1} {
		_, err := literal.New(literal.Config{Lag: lag})
		require.ErrorContains(t, err, "not in 0…1048576")
	}
	g := listen(t, 0, 0)
	require.NoError(t, g.Add(5, 2, 3))
	require.NoError(t, g.Add(5+1e9, 0, 0))
	for _, x := range []float64{math.NaN(), math.Inf(-1), 1e101} {
		require.ErrorContains(t, g.Add(9e9, x, 0), "not in -1e100…1e100")
		require.ErrorContains(t, g.Add(9e9, 0, x), "not in -1e100…1e100")
		require.ErrorContains(t, listen(t, 0, 0).Phase(9e9, x), "not in -1e100…1e100")
	}
	require.ErrorIs(t, g.Add(5+1e9, 1, 1), literal.ErrOrder)
	sum, span, mean := g.Read()
	require.Equal(t, complex128(6), sum)
	require.Equal(t, 1.0, span)
	require.Equal(t, complex128(6), mean)
	p := listen(t, 0, 0)
	require.NoError(t, p.Phase(5, 1))
	require.True(t, errors.Is(p.Phase(5, 1), literal.ErrOrder))
	require.ErrorContains(t, p.Phase(6, 1e95), "not in -1e100…1e100", "a jump that no velocity holds")
	require.NoError(t, p.Phase(7, 1))
	_, _, mean = listen(t, 0, 0).Read()
	require.Zero(t, mean)
}

func ExampleIntegral() {
	for _, loud := range []float64{1, 10} {
		g, err := literal.New(literal.Config{})
		if err != nil {
			fmt.Println(err)
			return
		}
		for k := range int64(11) {
			if err := g.Phase(k*1e9, loud*float64(k)); err != nil {
				fmt.Println(err)
			}
		}
		sum, span, _ := g.Read()
		fmt.Println(real(sum), "rad²/s in", span, "s")
	}
	// Output:
	// 9 rad²/s in 9 s
	// 900 rad²/s in 9 s
}

func BenchmarkAdd(b *testing.B) {
	g, err := literal.New(literal.Config{Omega: phase.NCO{F: 12345}})
	require.NoError(b, err)
	b.ReportAllocs()
	for k := int64(0); b.Loop(); k++ {
		if g.Add(k, 1, 1) != nil {
			b.Fatal("refused")
		}
	}
}
