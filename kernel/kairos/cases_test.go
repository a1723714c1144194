package kairos_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

func requireComplex(t *testing.T, want [2]float64, got complex128, tol float64, at ...any) {
	t.Helper()
	require.InDelta(t, want[0], real(got), tol, at...)
	require.InDelta(t, want[1], imag(got), tol, at...)
}

// TestCase01Tone runs a sample a nanosecond, where the oscillator's rounding is far below the tolerance.
func TestCase01Tone(t *testing.T) {
	var c struct {
		Cases []struct {
			F, Omega, T2, Tau, AbsT float64
			Lag, N                  int
			Window                  string
			T                       *[2]float64
		}
		Tolerance float64
	}
	cases.Need(t, "01_tone.json", &c)
	require.Len(t, c.Cases, 8)
	for _, v := range c.Cases {
		cfg := kairos.ReplayConfig{Window: kairos.Rectangular, OmegaHz: v.Omega / (2 * math.Pi) * 1e9, Lag: time.Duration(v.Lag)}
		n := v.N
		if v.Window != "rect" {
			cfg.Window, cfg.Tau, cfg.Lag, n = kairos.Leaky, time.Duration(v.Tau), 1, int(40*v.Tau)
			v.F = 0.1
		}
		r, err := kairos.NewReplay(cfg)
		require.NoError(t, err)
		for k := range n {
			sin, cos := math.Sincos(2 * math.Pi * math.Mod(v.F*float64(k), 1))
			x := [1]complex128{complex(cos, sin)}
			require.NoError(t, r.Step(&phase.Sample{T: int64(k), Form: phase.Phasor, X: x[:]}))
		}
		got := r.Read()
		if v.T == nil {
			require.InDelta(t, v.AbsT, math.Sqrt(got.T2), c.Tolerance, v)
			continue
		}
		require.Equal(t, uint64(v.N-v.Lag), got.N)
		require.InDelta(t, v.T[0], got.T[0], c.Tolerance, v)
		require.InDelta(t, v.T[1], got.T[1], c.Tolerance, v)
		require.InDelta(t, v.T2, got.T2, c.Tolerance, v)
	}
}

type golden struct {
	Seed      uint64
	N         int
	Mode      string
	F         float64  `json:"f_hz"`
	Tau       *float64 `json:"tau_s"`
	Sigma     float64
	Amplitude bool  `json:"random_amplitude"`
	Last      int64 `json:"t_last_ns"`
	S         [2]float64
	W, Q      float64
	Nu        float64 `json:"nu_kish"`
	Ex, Ey    float64
	TPhasor   *[2]float64 `json:"T_phasor"`
	TEnergy   [2]float64  `json:"T_energy"`
	T2Energy  float64     `json:"T2_energy"`
}

// stream draws the samples of case 02 in its order of draws.
func (g golden) stream() []phase.Sample {
	r := signal.Rand(g.Seed)
	var out []phase.Sample
	t := int64(0)
	for k := range g.N {
		switch {
		case k == 0:
		case g.Mode == "uniform":
			t += 1_000_000
		default:
			t += 1_000_000 + int64(r.Uint64()%1_000_000)
		}
		a, b := r.Phase(), r.Gauss()
		p, q := 1.0, 1.0
		if g.Amplitude {
			p, q = 0.5+r.Float64(), 0.5+r.Float64()
		}
		turns := new(big.Rat).SetFloat64(g.F)
		turns.Mul(turns, big.NewRat(t, 1_000_000_000))
		whole := new(big.Int).Div(turns.Num(), turns.Denom())
		frac, _ := turns.Sub(turns, new(big.Rat).SetInt(whole)).Float64()
		sx, cx := math.Sincos(a + g.Sigma*b - 2*math.Pi*frac)
		sy, cy := math.Sincos(a)
		out = append(out, phase.Sample{
			T: t, Form: phase.Phasor, X: []complex128{complex(p*cx, p*sx)}, Y: []complex128{complex(q*cy, q*sy)},
		})
	}
	return out
}

func TestCase02Golden(t *testing.T) {
	var c struct{ Cases []golden }
	cases.Need(t, "02_golden_stream.json", &c)
	require.Len(t, c.Cases, 5)
	for _, g := range c.Cases {
		for _, reading := range []phase.Reading{phase.ByPhase, phase.ByEnergy} {
			if reading == phase.ByPhase && g.TPhasor == nil {
				continue
			}
			cfg := kairos.ReplayConfig{Window: kairos.Rectangular, OmegaHz: g.F, Reading: reading}
			if g.Tau != nil {
				cfg.Window, cfg.Tau = kairos.Leaky, time.Duration(*g.Tau*1e9)
			}
			r, err := kairos.NewReplay(cfg)
			require.NoError(t, err)
			for _, s := range g.stream() {
				require.NoError(t, r.Step(&s))
			}
			checkGolden(t, g, reading, r.Read())
		}
	}
}

func checkGolden(t *testing.T, g golden, reading phase.Reading, got kairos.Reading) {
	t.Helper()
	require.Equal(t, g.Last, got.At)
	tol := 1e-11 + 2*math.Pi*float64(g.Last)*0x1p-65
	requireComplex(t, g.S, complex(got.S[0], got.S[1]), tol*g.W, g.Seed, reading)
	want := g.TEnergy
	if reading == phase.ByPhase {
		want = *g.TPhasor
		require.InEpsilon(t, g.Nu, got.Nu, 1e-11)
	} else {
		require.InDelta(t, g.T2Energy, got.T2, 2*tol)
	}
	requireComplex(t, want, complex(got.T[0], got.T[1]), tol, g.Seed, reading)
	require.InEpsilon(t, g.W, got.W, 1e-11)
	require.InEpsilon(t, g.Q, got.Q, 1e-11)
	require.InEpsilon(t, g.Ex, got.Ex, 1e-11)
	require.InEpsilon(t, g.Ey, got.Ey, 1e-11)
}

// TestCase15Transients compares the leaky window's rise and fall with the closed forms, a step at a time.
func TestCase15Transients(t *testing.T) {
	var c struct {
		Rise, Fall []struct {
			Ic, C float64
			At    float64 `json:"t_over_tau"`
		}
	}
	cases.Need(t, "15_transients.json", &c)
	const tau = 100 * time.Millisecond
	const dt = 10 * time.Microsecond
	cross := func(from, to complex128, ic float64, above bool) float64 {
		g, err := kairos.NewIntegrator(kairos.Config{Tau: tau})
		require.NoError(t, err)
		at := int64(0)
		step := func(z complex128) kairos.Resonance {
			at += int64(dt)
			r, err := g.Step(&phase.Point{T: at, U: []complex128{z}, Weight: 1})
			require.NoError(t, err)
			return r
		}
		for k := range 400_000 { // alternating ±: a mean of from, exactly bounded
			step(swing(from, k))
		}
		for k := range 1_000_000 {
			if r := step(swing(to, k)); (r.T2 >= ic) == above {
				return float64(k+1) * float64(dt) / float64(tau)
			}
		}
		return math.Inf(1)
	}
	for _, v := range c.Rise {
		require.InDelta(t, v.At, cross(0, complex(v.C, 0), v.Ic, true), 2e-3, v)
	}
	for _, v := range c.Fall {
		require.InDelta(t, v.At, cross(complex(v.C, 0), 0, v.Ic, false), 2e-3, v)
	}
}

// swing returns unit phasors of mean m on the real axis: cos ± i·sin in turn.
func swing(m complex128, k int) complex128 {
	s := math.Sqrt(1 - real(m)*real(m))
	if k%2 == 1 {
		s = -s
	}
	return complex(real(m), s)
}

// TestCase24MotionGate: the gate leaves random phases unbiased at lag 2 and 3, and at lag 1 biases them by
// -sin(a)/(π-a), a the arc that it excludes.
func TestCase24MotionGate(t *testing.T) {
	const n = 200_000
	for _, a := range []float64{0, .05, .2, .5} {
		for lag := time.Duration(1); lag <= 3; lag++ {
			e, err := phase.NewEstimator(phase.Config{MotionFloor: 2 * math.Sin(a/2)})
			require.NoError(t, err)
			g, err := kairos.NewIntegrator(kairos.Config{Window: kairos.Rectangular, Pair: kairos.PairConfig{Lag: lag}})
			require.NoError(t, err)
			r := signal.Rand(24)
			var x [1]complex128
			for k := range int64(n) {
				x[0] = r.Circle()
				p, ok, err := e.Step(&phase.Sample{T: k, Form: phase.Phasor, X: x[:]})
				require.True(t, ok && err == nil)
				if _, err := g.Step(&p); err != nil {
					t.Fatal(err)
				}
			}
			want := 0.0
			if lag == 1 && a > 0 {
				want = -math.Sin(a) / (math.Pi - a)
			}
			got := g.Read()
			requireComplex(t, [2]float64{want, 0}, got.T, 4/math.Sqrt(n), a, lag)
			require.InDelta(t, 1-a/math.Pi, got.W/n, 4/math.Sqrt(n), "the gate lets the moving part through")
		}
	}
}
