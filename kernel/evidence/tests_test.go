package evidence_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/signal"
)

func TestCFAR(t *testing.T) {
	for _, v := range []struct {
		alpha float64
		j     int
		x     float64
	}{{1e-6, 8, 8 * (math.Pow(1e-6, -1./8) - 1)}, {1e-6, 8, 36.99}, {.1, 1, 9}} {
		x, err := evidence.CFARThreshold(v.alpha, v.j)
		require.NoError(t, err)
		require.InDelta(t, v.x, x, 0.01)
		require.InDelta(t, math.Log(v.alpha), evidence.LnCFAR(x, v.j), 1e-12)
	}
	for _, bad := range []struct {
		alpha float64
		j     int
	}{{0, 1}, {1, 1}, {math.NaN(), 1}, {.1, 0}} {
		_, err := evidence.CFARThreshold(bad.alpha, bad.j)
		require.Error(t, err)
	}
	require.Equal(t, evidence.CFAR{}, evidence.Compare(1, nil))
	require.Equal(t, evidence.CFAR{Decoy: 2}, evidence.Compare(1, []complex128{0, 0}))
	c := evidence.Compare(3+4i, []complex128{1, 1i, 2, 0})
	require.InDelta(t, 25/1.5, c.Ratio, 1e-14)
	require.Equal(t, evidence.LnCFAR(c.Ratio, 4), c.LnP)
}

// TestCFARUnderChance: exact for Gaussian sums, so the measured rate is the nominal one within four errors.
func TestCFARUnderChance(t *testing.T) {
	r := signal.Rand(40)
	const runs = 100_000
	gauss := func() complex128 { return complex(r.Gauss(), r.Gauss()) }
	hits := map[float64]int{.1: 0, .01: 0}
	for range runs {
		var d [8]complex128
		for i := range d {
			d[i] = 3 * gauss()
		}
		c := evidence.Compare(3*gauss(), d[:])
		for a := range hits {
			if c.LnP <= math.Log(a) {
				hits[a]++
			}
		}
	}
	for a, n := range hits {
		require.InDelta(t, a, float64(n)/runs, 4*math.Sqrt(a/runs), a)
	}
}

// TestEffectiveDof: the figures of KERNEL.md 2.5 for AR(1) noise.
func TestEffectiveDof(t *testing.T) {
	rho := make([]complex128, 200)
	for k := range rho {
		rho[k] = complex(math.Pow(.9, float64(k+1)), 0)
	}
	require.InDelta(t, 7.25, evidence.EffectiveDof(64, rho, rho), .005)
	require.Equal(t, 64.0, evidence.EffectiveDof(64, nil, rho), "against white noise colour costs nothing")
	require.Equal(t, 1.0, evidence.EffectiveDof(1, rho, rho))
	require.Zero(t, evidence.EffectiveDof(0, rho, rho))
	turned := make([]complex128, 200)
	for k := range rho {
		turned[k] = rho[k] * cmplx.Exp(complex(0, 1.3*float64(k+1)))
	}
	require.InDelta(t, evidence.EffectiveDof(64, rho, rho), evidence.EffectiveDof(64, turned, turned), 1e-12, "a common shift cancels")
	require.Zero(t, evidence.EffectiveDof(2, []complex128{-1}, []complex128{1}), "opposed: nothing is left of chance")
}

func TestCase03Power(t *testing.T) {
	var c struct {
		Alt []struct {
			N      int
			Msc, X float64
			P      float64 `json:"P_ge"`
		}
	}
	cases.Need(t, "03_msc_distribution.json", &c)
	require.NotEmpty(t, c.Alt)
	for _, v := range c.Alt {
		p, err := evidence.MSCPower(v.N, v.Msc, v.X)
		require.NoError(t, err)
		require.InDelta(t, v.P, p, 1e-9, v)
	}
}

// carter is the distribution function as Carter, Knapp and Nuttall print it.
func carter(n int, c, x float64) float64 {
	binom := func(a, b int) float64 {
		p := 1.0
		for i := range b {
			p = p * float64(a-i) / float64(i+1)
		}
		return p
	}
	sum := 0.0
	for k := range n - 1 {
		f := 0.0
		for i := range k + 1 {
			f += binom(k, i) * binom(n-1, i) * math.Pow(c*x, float64(i))
		}
		sum += math.Pow((1-x)/(1-c*x), float64(k)) * f
	}
	return x * math.Pow((1-c)/(1-c*x), float64(n)) * sum
}

func TestMSCPower(t *testing.T) {
	for _, n := range []int{2, 3, 8, 20} {
		for _, c := range []float64{0, .1, .5, .9, .99} {
			for _, x := range []float64{0, .2, .6, .95} {
				p, err := evidence.MSCPower(n, c, x)
				require.NoError(t, err)
				require.InDelta(t, 1-carter(n, c, x), p, 1e-10, "%d %v %v", n, c, x)
				if c == 0 {
					require.InEpsilon(t, math.Exp(evidence.LnMSC(float64(n), x)), p, 1e-12)
				}
			}
		}
	}
	p, err := evidence.MSCPower(64, .1, .95) // 1 - the distribution function would be 0 here
	require.NoError(t, err)
	require.Greater(t, p, 1e-82)
	require.Less(t, p, 1e-60)
	for _, bad := range []struct {
		n    int
		c, x float64
	}{{1, .1, .1}, {8, 1, .1}, {8, -.1, .1}, {8, .1, 1}, {8, .1, -1}, {8, math.NaN(), .1}, {8, .1, math.NaN()}, {1 << 21, .1, .1}} {
		_, err := evidence.MSCPower(bad.n, bad.c, bad.x)
		require.Error(t, err)
	}
	require.InDelta(t, 5*math.Log(.5), evidence.LnMSCGiven(8, 2, .5), 1e-14)
}

func TestCase05Gauss(t *testing.T) {
	var c struct {
		Values []struct {
			N, Syy, Sxx float64
			Sxy         float64 `json:"absSxy"`
			C           float64
			LnB         float64 `json:"lnB"`
		} `json:"msc_values"`
	}
	cases.Need(t, "05_evidence.json", &c)
	require.NotEmpty(t, c.Values)
	for _, v := range c.Values {
		require.InDelta(t, v.LnB, evidence.LnGauss(v.N, v.Sxx, v.Syy, v.Sxy, v.C), 1e-10)
	}
}

// TestGaussUnderChance: P(ever B >= 1/alpha) <= alpha, whatever the scale of x.
func TestGaussUnderChance(t *testing.T) {
	const runs = 3000
	r := signal.Rand(21)
	gauss := func() complex128 { return complex(r.Gauss(), r.Gauss()) }
	crossed := map[float64]int{10: 0, 20: 0, 100: 0}
	for k := range runs {
		var g evidence.Gauss
		scale := complex(math.Pow(10, float64(k%7)-3), 0)
		top := math.Inf(-1)
		for range 150 {
			g.Step(scale*gauss(), gauss())
			top = max(top, g.LnB())
		}
		for a := range crossed {
			if top >= math.Log(a) {
				crossed[a]++
			}
		}
	}
	for a, n := range crossed {
		require.LessOrEqual(t, float64(n)/runs, 1/a+4*math.Sqrt(1/a/runs), a)
	}
	require.Positive(t, crossed[10])
}

// TestGaussDelay: a coherence of 0.8 is found in the 12.3 samples of case 05.
func TestGaussDelay(t *testing.T) {
	const runs = 2000
	r := signal.Rand(22)
	gauss := func() complex128 { return complex(r.Gauss(), r.Gauss()) / math.Sqrt2 }
	total := 0.0
	for range runs {
		var g evidence.Gauss
		for g.LnB() < math.Log(1e6) {
			y := gauss()
			g.Step(2*y+gauss(), y)
		}
		total += float64(g.N())
	}
	require.InDelta(t, 12.265, total/runs, 4*2.5/math.Sqrt(runs)+.1)
}

func TestGaussEdges(t *testing.T) {
	var g evidence.Gauss
	require.Zero(t, g.LnB())
	for _, x := range []complex128{0, complex(math.NaN(), 0), complex(0, math.Inf(1)), 1e200} {
		g.Step(x, 1)
	}
	g.Step(1, complex(math.NaN(), 0))
	require.Zero(t, g.N())
	g.Step(3i, 2)
	require.Zero(t, g.LnB(), "one pair says nothing")
	for range 4 {
		g.Step(3, -2i)
	}
	b, err := g.AppendBinary(nil)
	require.NoError(t, err)
	var h evidence.Gauss
	require.NoError(t, h.UnmarshalBinary(b))
	require.Equal(t, g, h)
	for cut := range b {
		require.Error(t, h.UnmarshalBinary(b[:cut]))
	}
	require.Equal(t, g, h)
	g.Reset()
	require.Equal(t, evidence.Gauss{}, g)
	require.Zero(t, testing.AllocsPerRun(100, func() { g.Step(1i, 1); g.LnB(); evidence.Compare(1, []complex128{1, 2}) }))
}

func ExampleCompare() {
	c := evidence.Compare(10, []complex128{1, 1i, -1, -1i})
	fmt.Printf("%.0f times the decoys: chance %.0e\n", c.Ratio, math.Exp(c.LnP))
	// Output: 100 times the decoys: chance 2e-06
}

func ExampleMSCPower() {
	p, err := evidence.MSCPower(16, 0.97, 0.95)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.3f\n", p)
	// Output: 0.947
}
