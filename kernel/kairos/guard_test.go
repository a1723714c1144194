package kairos_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

var guardConfig = kairos.GuardConfig{Tau: 64, Bins: 8, SpacingHz: 6.5 / (2 * math.Pi * 64) * 1e9, Horizon: 50}

func guard(t testing.TB, cfg kairos.GuardConfig) *kairos.Guard {
	t.Helper()
	g, err := kairos.NewGuard(cfg)
	require.NoError(t, err)
	return g
}

// coloured is the product of two independent AR(1) streams, unit phasors, at omega 0.
func coloured(r *signal.Rand, a float64) func() complex128 {
	var x, y complex128
	return func() complex128 {
		x = complex(a, 0)*x + complex(r.Gauss(), r.Gauss())
		y = complex(a, 0)*y + complex(r.Gauss(), r.Gauss())
		z := x * cmplx.Conj(y)
		return z / complex(cmplx.Abs(z), 0)
	}
}

// TestGuardUnderColouredNoise: the ratio keeps its promise where counting samples does not. Listening is at a
// frequency where the products' spectrum is level, as guard bins ask for.
func TestGuardUnderColouredNoise(t *testing.T) {
	const runs = 2500
	line := phase.NCO{F: 1 << 62} // a quarter turn a sample
	for _, a := range []float64{0, .5} {
		r := signal.Rand(11)
		next := coloured(&r, a)
		g := guard(t, guardConfig)
		b, err := kairos.NewBank(kairos.BankConfig{Tau: guardConfig.Tau, Levels: 1})
		require.NoError(t, err)
		hits := map[float64]int{.1: 0, .01: 0}
		for k := range runs {
			for i := range 256 {
				at := int64(k*256 + i)
				v := kairos.Term{T: at, P: next() * line.Rotor(at), Ex: 1, Ey: 1, Weight: 1, Sign: 1}
				require.NoError(t, g.Add(v))
				require.NoError(t, b.Add(v))
			}
			c := g.Judge(b.Read(0).S)
			require.Equal(t, 8, c.Decoy)
			for alpha := range hits {
				if c.LnP <= math.Log(alpha) {
					hits[alpha]++
				}
			}
		}
		for alpha, n := range hits {
			require.LessOrEqual(t, float64(n)/runs, alpha+4*math.Sqrt(alpha/runs), "%v %v", a, alpha)
		}
		require.Positive(t, hits[.1])
	}
}

// TestGuardAgainstTheDefinition: each bin is a window at its own frequency.
func TestGuardAgainstTheDefinition(t *testing.T) {
	g := guard(t, guardConfig)
	var windows []*kairos.Bank
	var lines []phase.NCO
	for m := 1; m <= 4; m++ {
		for _, sign := range []float64{1, -1} {
			b, err := kairos.NewBank(kairos.BankConfig{Tau: guardConfig.Tau, Levels: 1, Horizon: 50})
			require.NoError(t, err)
			n, err := phase.NewNCO(sign * float64(m) * guardConfig.SpacingHz)
			require.NoError(t, err)
			windows, lines = append(windows, b), append(lines, n)
		}
	}
	r := signal.Rand(4)
	for k := range int64(500) {
		v := kairos.Term{T: 3*k - int64(r.Uint64()%40), P: r.Circle(), Ex: 1, Ey: 1, Weight: r.Float64(), Sign: 1}
		if g.Add(v) != nil {
			continue
		}
		var decoys []complex128
		for j, b := range windows {
			u := v
			u.P *= lines[j].Rotor(v.T)
			require.NoError(t, b.Add(u))
			decoys = append(decoys, b.Read(0).S)
		}
		want, got := evidence.Compare(3, decoys), g.Judge(3)
		require.InEpsilon(t, want.Ratio, got.Ratio, 1e-9)
	}
	data, err := g.AppendBinary(nil)
	require.NoError(t, err)
	twin := guard(t, guardConfig)
	require.NoError(t, twin.UnmarshalBinary(data))
	require.Equal(t, g.Judge(1), twin.Judge(1))
	for cut := range data {
		require.Error(t, twin.UnmarshalBinary(data[:cut]))
	}
	g.Reset()
	require.Equal(t, evidence.CFAR{Decoy: 8}, g.Judge(1))
	require.NoError(t, g.Add(kairos.Term{T: 100, P: 1, Weight: 1, Sign: 1}))
	require.ErrorIs(t, g.Add(kairos.Term{T: 49, P: 1, Weight: 1, Sign: 1}), kairos.ErrLate)
	require.Error(t, g.Add(kairos.Term{T: 101, P: 1, Weight: 2, Sign: 1}))
	require.NoError(t, g.Add(kairos.Term{T: 100, P: 1, Weight: 1, Sign: -1}))
	require.Zero(t, g.Judge(1).Ratio, "taken back")
}

func TestGuardConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*kairos.GuardConfig){
		"tau":         func(c *kairos.GuardConfig) { c.Tau = 0 },
		"bins 3":      func(c *kairos.GuardConfig) { c.Bins = 3 },
		"bins 66":     func(c *kairos.GuardConfig) { c.Bins = 66 },
		"horizon":     func(c *kairos.GuardConfig) { c.Horizon = -1 },
		"spacing NaN": func(c *kairos.GuardConfig) { c.SpacingHz = math.NaN() },
		"5e8":         func(c *kairos.GuardConfig) { c.SpacingHz = 2e8 },
		"below 6":     func(c *kairos.GuardConfig) { c.SpacingHz *= .9 },
	} {
		cfg := guardConfig
		change(&cfg)
		_, err := kairos.NewGuard(cfg)
		require.ErrorContains(t, err, want)
	}
}

// TestDecoys: self-coherent noise is coherent at every short lag, a signal at its own; and late points re-pair.
func TestDecoys(t *testing.T) {
	pair := kairos.PairConfig{Horizon: 100}
	cfg := kairos.DecoyConfig{Pair: pair, Tau: 200, Lags: []time.Duration{40, 50, 60, 70}}
	d, err := kairos.NewDecoys(cfg)
	require.NoError(t, err)
	g, err := kairos.NewIntegrator(kairos.Config{Pair: pair, Tau: 200})
	require.NoError(t, err)
	r := signal.Rand(3)
	hear := func(at int64, x, y complex128) {
		p := phase.Point{T: at, U: []complex128{x}, V: []complex128{y}, Weight: 1}
		require.NoError(t, d.Step(&p))
		require.NoError(t, g.Put(&p))
	}
	for k := range int64(2000) { // a reference of chance, followed at once
		y := r.Circle()
		hear(k, y*cmplx.Exp(complex(0, .2*r.Gauss())), y)
	}
	require.Less(t, d.Judge(g.Read().S).LnP, math.Log(1e-4))
	for k := range int64(2000) { // both stand still: coherent at every lag
		hear(2000+k, 1, 1)
	}
	c := d.Judge(g.Read().S)
	require.InDelta(t, 1, c.Ratio, 1e-3)
	require.Greater(t, c.LnP, math.Log(.4), "as strong as its decoys: (1+1/4)^-4")

	data, err := d.AppendBinary(nil)
	require.NoError(t, err)
	twin, err := kairos.NewDecoys(cfg)
	require.NoError(t, err)
	require.NoError(t, twin.UnmarshalBinary(data))
	p := phase.Point{T: 3990, U: []complex128{1i}, V: []complex128{1}, Weight: 1}
	require.NoError(t, d.Step(&p))
	require.NoError(t, twin.Step(&p))
	require.Equal(t, d.Judge(1), twin.Judge(1))
	p.T = 1
	require.ErrorIs(t, d.Step(&p), kairos.ErrLate)
	require.Equal(t, d.Judge(1), twin.Judge(1))
	require.Error(t, twin.UnmarshalBinary(data[:len(data)-1]))
	d.Reset()
	require.Zero(t, d.Judge(1).Ratio)
	for _, bad := range []kairos.DecoyConfig{
		{Tau: 1}, {Lags: []time.Duration{1}}, {Tau: 1, Lags: []time.Duration{0}},
		{Tau: 1, Lags: []time.Duration{5}, Pair: kairos.PairConfig{Lag: 5}}, {Tau: 1, Lags: make([]time.Duration, 65)},
		{Tau: 1, Lags: []time.Duration{5}, Pair: kairos.PairConfig{Dims: -1}},
	} {
		_, err := kairos.NewDecoys(bad)
		require.Error(t, err)
	}
}

func TestDecoysAllocateNothing(t *testing.T) {
	d, err := kairos.NewDecoys(kairos.DecoyConfig{Tau: time.Second, Lags: []time.Duration{10e6, 20e6}})
	require.NoError(t, err)
	g := guard(t, guardConfig)
	p := phase.Point{U: []complex128{1}, V: []complex128{1}, Weight: 1}
	step := func() {
		p.T += 1e6
		if err := d.Step(&p); err != nil {
			t.Fatal(err)
		}
		if err := g.Add(kairos.Term{T: p.T, P: 1, Weight: 1, Sign: 1}); err != nil {
			t.Fatal(err)
		}
		d.Judge(1)
		g.Judge(1)
	}
	for range 200 {
		step()
	}
	require.Zero(t, testing.AllocsPerRun(500, step))
}

// TestPartial: a drive that x and y share makes them coherent, and is taken out; what they share besides stays.
func TestPartial(t *testing.T) {
	r := signal.Rand(17)
	gauss := func() complex128 { return complex(r.Gauss(), r.Gauss()) }
	for _, own := range []complex128{0, 1} {
		var xx, yy, zz float64
		var xy, xz, zy complex128
		for range 50_000 {
			z, s := gauss(), gauss()
			x, y := 2*z+gauss()+own*s, 3i*z+gauss()+own*s
			xy, xz, zy = xy+x*cmplx.Conj(y), xz+x*cmplx.Conj(z), zy+z*cmplx.Conj(y)
			xx, yy, zz = xx+real(x*cmplx.Conj(x)), yy+real(y*cmplx.Conj(y)), zz+real(z*cmplx.Conj(z))
		}
		n := func(a, b float64) complex128 { return complex(math.Sqrt(a*b), 0) }
		g, ok := kairos.Partial(xy/n(xx, yy), xz/n(xx, zz), zy/n(zz, yy))
		require.True(t, ok)
		require.Greater(t, cmplx.Abs(xy)/math.Sqrt(xx*yy), .7)
		require.InDelta(t, 0, cmplx.Abs(g-own/2), .02, "1 of 2 parts is shared, at phase 0")
	}
	_, ok := kairos.Partial(1, 1, .5)
	require.False(t, ok)
	g, ok := kairos.Partial(complex(.5, .2), 0, 0)
	require.True(t, ok)
	require.Equal(t, complex(.5, .2), g)
}

func ExampleGuard() {
	cfg := kairos.GuardConfig{Tau: time.Second, Bins: 8, SpacingHz: 1}
	g, err := kairos.NewGuard(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := kairos.NewBank(kairos.BankConfig{Tau: cfg.Tau, Levels: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := signal.Rand(1)
	for k := range int64(5000) { // half signal, half chance
		t := kairos.Term{T: k * 1e6, P: (1 + r.Circle()) / 2, Ex: 1, Ey: 1, Weight: 1, Sign: 1}
		if err := g.Add(t); err != nil {
			fmt.Println(err)
			return
		}
		if err := b.Add(t); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(g.Judge(b.Read(0).S).LnP < math.Log(1e-6))
	// Output: true
}
