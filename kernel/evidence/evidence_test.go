package evidence_test

import (
	"fmt"
	"math"
	"math/big"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/signal"
)

// bigLnI0 sums the power series in 4000 bits: the oracle on the whole range, since every term is positive.
func bigLnI0(x float64) float64 {
	const prec = 200
	q := new(big.Float).SetPrec(prec).SetFloat64(x)
	q.Mul(q, q)
	q.Quo(q, big.NewFloat(4))
	less1 := new(big.Float).SetPrec(prec)
	term := new(big.Float).SetPrec(prec).SetInt64(1)
	for k := int64(1); k < int64(60+3*x); k++ {
		term.Mul(term, q)
		term.Quo(term, new(big.Float).SetPrec(prec).SetInt64(k*k))
		less1.Add(less1, term)
	}
	if v, _ := less1.Float64(); v < 0.5 {
		return math.Log1p(v)
	}
	less1.Add(less1, new(big.Float).SetInt64(1))
	m := new(big.Float)
	e := less1.MantExp(m)
	f, _ := m.Float64()
	return math.Log(f) + float64(e)*math.Ln2
}

func TestLnI0AgainstBigSeries(t *testing.T) {
	for _, x := range []float64{1e-8, 1e-3, .1, .5, 1, 2, 3.75, 7, 12, 20, 29.9, 31.9999999, 32, 32.0001, 40, 100, 700, 1000} {
		require.InEpsilon(t, bigLnI0(x), evidence.LnI0(x), 1e-12, x)
		require.Equal(t, evidence.LnI0(x), evidence.LnI0(-x))
	}
	r := signal.Rand(2)
	for range 400 { // the pieces, their seams and the series behind them
		x := 40 * r.Float64()
		require.InEpsilon(t, bigLnI0(x), evidence.LnI0(x), 1e-14, x)
		x = math.Floor(4*x)/4 + 1e-13*(r.Float64()-0.5)
		require.InEpsilon(t, bigLnI0(math.Abs(x)), evidence.LnI0(x), 1e-14, x)
	}
	require.Zero(t, evidence.LnI0(0))
	require.InEpsilon(t, 1e300, evidence.LnI0(1e300), 1e-12)
	require.True(t, math.IsNaN(evidence.LnI0(math.NaN())))
	require.True(t, math.IsInf(evidence.LnI0(math.Inf(-1)), 1))
}

// TestRatioIsTheDerivative: (ln I0)' = I1/I0, and the classic values of the mean resultant.
func TestRatioIsTheDerivative(t *testing.T) {
	for _, x := range []float64{.01, .5, 1, 5, 20, 29, 31, 60, 500} {
		h := 1e-4 * x
		want := (evidence.LnI0(x+h) - evidence.LnI0(x-h)) / (2 * h)
		require.InEpsilon(t, want, evidence.I1I0(x), 1e-7, x)
		require.Equal(t, -evidence.I1I0(x), evidence.I1I0(-x))
	}
	require.InDelta(t, 0.446389965896, evidence.I1I0(1), 1e-12) // I1(1)/I0(1) = 0.565159103992485/1.266065877752008
	require.InDelta(t, 0.8933831370, evidence.I1I0(5), 1e-10)
	require.Equal(t, 1.0, evidence.I1I0(math.Inf(1)))
	require.InDelta(t, evidence.I1I0(math.Nextafter(30, 0)), evidence.I1I0(math.Nextafter(30, 31)), 1e-14)
}

// TestNuMinOfTheDesign: the figures of KERNEL.md 2.2 and 2.3.
func TestNuMinOfTheDesign(t *testing.T) {
	for _, v := range []struct{ ic, alpha, nu float64 }{
		{.95, 1e-3, 9.8}, {.95, 1e-6, 17.3}, {.95, 1e-9, 24.8}, {.95, 1e-12, 32.2},
		{.8, 1e-6, 20.6}, {.8, 1e-9, 29.5}, {.5, 1e-6, 33.0}, {.5, 1e-9, 47.1}, {.25, 1e-6, 65.9}, {.25, 1e-9, 94.3},
	} {
		nu, err := evidence.NuMin(v.ic, v.alpha)
		require.NoError(t, err)
		require.InDelta(t, v.nu, nu, 0.05, v)
		require.LessOrEqual(t, evidence.LnBound(nu, v.ic), math.Log(v.alpha)+1e-9)
		require.Greater(t, evidence.LnBound(nu*(1-1e-9), v.ic), math.Log(v.alpha))
	}
	for _, v := range []struct{ hour, f, nu float64 }{
		{1e-3, 1, 18.7}, {1e-3, 100, 23.7}, {1e-3, 1e3, 26.2}, {1e-3, 1e6, 33.6}, {1e-6, 1, 26.2}, {1e-6, 1e6, 41.0},
	} {
		alpha, err := evidence.AlphaEval(v.hour, v.f)
		require.NoError(t, err)
		nu, err := evidence.NuMin(.95, alpha)
		require.NoError(t, err)
		require.InDelta(t, v.nu, nu, 0.06, v)
	}
}

func TestRefusals(t *testing.T) {
	for _, bad := range [][2]float64{{0, .1}, {1.1, .1}, {math.NaN(), .1}, {.9, 0}, {.9, 1}, {.9, math.NaN()}} {
		_, err := evidence.NuMin(bad[0], bad[1])
		require.Error(t, err)
	}
	for _, bad := range [][2]float64{{0, 1}, {1, 1}, {.1, 0}, {.1, -1}, {.1, math.Inf(1)}, {math.NaN(), 1}} {
		_, err := evidence.AlphaEval(bad[0], bad[1])
		require.Error(t, err)
	}
	alpha, err := evidence.AlphaEval(.1, 1e-9)
	require.NoError(t, err)
	require.Equal(t, .1, alpha, "a look an age costs no more than the hour")
	var e evidence.Process
	_, err = e.LnEAt(3)
	require.ErrorContains(t, err, "kappa 3")
}

func TestChernoffLiesBetween(t *testing.T) {
	r := signal.Rand(4)
	for range 50 {
		var w []float64
		var sum, sq float64
		for range 3 + r.Uint64()%30 {
			x := r.Float64()
			w, sum, sq = append(w, x), sum+x, sq+x*x
		}
		nu := sum * sum / sq
		for _, x := range []float64{.3, .6, .95} {
			ln, s := evidence.LnChernoff(w, x)
			require.GreaterOrEqual(t, s, 0.0)
			require.LessOrEqual(t, ln, max(0, evidence.LnBound(nu, x))+1e-12, "the universal bound is the weaker")
		}
	}
	ln, s := evidence.LnChernoff(nil, .9)
	require.Zero(t, ln)
	require.Zero(t, s)
	ln, s = evidence.LnChernoff([]float64{1, 1}, .25) // |T|² >= 1/4 is likelier than not
	require.Zero(t, ln)
	require.Zero(t, s)
}

// TestBoundHoldsByMonteCarlo: the share of random sums that reach x is within the bound.
func TestBoundHoldsByMonteCarlo(t *testing.T) {
	r := signal.Rand(8)
	const runs = 100_000
	for _, n := range []int{4, 8} {
		hit := 0
		var sum, sq float64
		w := make([]float64, n)
		for i := range w {
			w[i] = 1 / float64(i+1)
			sum, sq = sum+w[i], sq+w[i]*w[i]
		}
		for range runs {
			var s complex128
			for i := range w {
				s += complex(w[i], 0) * r.Circle()
			}
			if a := cmplx.Abs(s) / sum; a*a >= .7 {
				hit++
			}
		}
		require.Positive(t, hit)
		bound := math.Exp(evidence.LnBound(sum*sum/sq, .7))
		require.LessOrEqual(t, float64(hit)/runs, bound)
	}
}

// TestProcessUnderChance: P(ever E >= 1/alpha) <= alpha over 1000 looks, case 05's requirement.
func TestProcessUnderChance(t *testing.T) {
	const runs = 1500
	crossed := map[float64]int{10: 0, 20: 0, 100: 0}
	r := signal.Rand(15)
	for range runs {
		var e evidence.Process
		top := math.Inf(-1)
		for range 250 {
			e.Step(r.Circle(), 0.25+0.75*r.Float64())
			top = max(top, e.LnE())
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

// TestProcessMeanIsOne: E is a martingale from 1; after two phases its mean is an integral over their
// difference, here taken exactly by 720 angles.
func TestProcessMeanIsOne(t *testing.T) {
	for _, w := range []float64{1, .3} {
		sum := 0.0
		for k := range 720 {
			var e evidence.Process
			e.Step(1, w)
			require.InDelta(t, 0, e.LnE(), 1e-13)
			e.Step(cmplx.Exp(complex(0, 2*math.Pi*float64(k)/720)), w)
			sum += math.Exp(e.LnE())
		}
		require.InDelta(t, 1, sum/720, 1e-9)
	}
}

// TestDelays: a signal of jitter sigma is found within the samples of KERNEL.md 2.3, four standard errors.
func TestDelays(t *testing.T) {
	const runs = 400
	for _, v := range []struct{ sigma, process, detector float64 }{{.1, 11.1, 13.107}, {.2265, 13.7, 15.415}, {.6, 27.6, 27.0125}} {
		r := signal.Rand(3)
		var byE, bySR, sq float64
		for range runs {
			var e evidence.Process
			var d evidence.Detector
			turn := cmplx.Exp(1i) // between two of the detector's directions, as in the reference
			nE, nSR := 0, 0
			for k := 1; nE == 0 || nSR == 0; k++ {
				u := turn * cmplx.Exp(complex(0, v.sigma*r.Gauss()))
				e.Step(u, 1)
				d.Step(u, 1)
				if nE == 0 && e.LnE() >= math.Log(1e9) {
					nE = k
				}
				if nSR == 0 && d.LnSR() >= math.Log(1e9) {
					nSR = k
				}
			}
			byE, bySR, sq = byE+float64(nE), bySR+float64(nSR), sq+float64(nSR*nSR)
		}
		byE, bySR = byE/runs, bySR/runs
		slack := 0.1 + 4*math.Sqrt((sq/runs-bySR*bySR)/runs)
		require.InDelta(t, v.process, byE, slack, v)
		require.InDelta(t, v.detector, bySR, slack, v)
	}
}

// TestDetectorRunLength: the mean time to a false alarm at A = 100 is at least 100 (case 05: 179 ± 9).
func TestDetectorRunLength(t *testing.T) {
	const runs = 400
	r := signal.Rand(77)
	total := 0.0
	for range runs {
		var d evidence.Detector
		for d.LnSR() < math.Log(100) {
			d.Step(r.Circle(), 1)
		}
		total += float64(d.N())
	}
	require.InDelta(t, 178.7, total/runs, 4*(9+9))
	require.GreaterOrEqual(t, total/runs, 100.0)
}

// TestDetectorAgainstTheDefinition runs the recursion in logarithms beside it, far beyond a float's range
// and back.
func TestDetectorAgainstTheDefinition(t *testing.T) {
	var d evidence.Detector
	require.Zero(t, d.LnSR())
	lanes := make([]float64, 24)
	for i := range lanes {
		lanes[i] = math.Inf(-1)
	}
	r := signal.Rand(6)
	for k := range 3000 {
		theta := 0.4 + 0.2*r.Gauss()
		if k > 1200 {
			theta = 2 * math.Pi * r.Float64()
		}
		w := 1.0
		if k%3 == 0 {
			w = r.Float64()
		}
		d.Step(cmplx.Exp(complex(0, theta)), w)
		top := math.Inf(-1)
		for i, kappa := range []float64{1, 4, 16} {
			for j := range 8 {
				l := &lanes[8*i+j]
				*l = max(*l, 0) + math.Log1p(math.Exp(-math.Abs(*l)))
				*l += w*kappa*math.Cos(theta-float64(j)*math.Pi/4) - evidence.LnI0(w*kappa)
				top = max(top, *l)
			}
		}
		sum := 0.0
		for _, l := range lanes {
			sum += math.Exp(l - top)
		}
		want := top + math.Log(sum/24)
		require.InDelta(t, want, d.LnSR(), 1e-9*max(1, math.Abs(want)), k)
	}
}

func TestNoPhaseNoEvidence(t *testing.T) {
	var e evidence.Process
	var d evidence.Detector
	for _, u := range []complex128{0, complex(math.NaN(), 0), complex(0, math.Inf(1))} {
		e.Step(u, 1)
		d.Step(u, 1)
	}
	for _, w := range []float64{0, -1, math.NaN()} {
		e.Step(1, w)
		d.Step(1, w)
	}
	require.Zero(t, e.N()+d.N())
	require.Zero(t, e.LnE())
	e.Step(1e-200i, 7)
	d.Step(1e300, 7)
	require.InDelta(t, 0, e.LnE(), 1e-13, "one phase says nothing, whatever its amplitude")
	e.Reset()
	d.Reset()
	require.Equal(t, evidence.Process{}, e)
	require.Equal(t, evidence.Detector{}, d)
}

func TestRestore(t *testing.T) {
	var e, e2 evidence.Process
	var d, d2 evidence.Detector
	r := signal.Rand(9)
	for range 500 {
		u := r.Circle() + 1
		for _, p := range []*evidence.Process{&e, &e2} {
			p.Step(u, 0.5)
		}
		for _, p := range []*evidence.Detector{&d, &d2} {
			p.Step(u, 1)
		}
		a, err := e.AppendBinary(nil)
		require.NoError(t, err)
		b, err := d.AppendBinary(nil)
		require.NoError(t, err)
		e, d = evidence.Process{}, evidence.Detector{}
		require.Error(t, e.UnmarshalBinary(a[:len(a)-1]))
		require.Error(t, d.UnmarshalBinary(append(b, 0)))
		require.Error(t, e.UnmarshalBinary(b))
		require.NoError(t, e.UnmarshalBinary(a))
		require.NoError(t, d.UnmarshalBinary(b))
	}
	require.Equal(t, e2, e)
	require.Equal(t, d2, d)
}

func TestNoAllocation(t *testing.T) {
	var e evidence.Process
	var d evidence.Detector
	r := signal.Rand(1)
	require.Zero(t, testing.AllocsPerRun(500, func() {
		u := r.Circle()
		e.Step(u, 1)
		d.Step(u, 0.5)
		if e.LnE()+d.LnSR()+evidence.LnBound(10, .5) > 1e6 {
			t.Fatal("noise is evidence")
		}
	}))
}

func TestGLRT(t *testing.T) {
	require.InDelta(t, 10*math.Log(20), evidence.GLRT(10, .95), 1e-12)
	require.True(t, math.IsInf(evidence.GLRT(3, 1), 1))
	require.Zero(t, evidence.GLRT(0, 1))
}

func ExampleNuMin() {
	alpha, err := evidence.AlphaEval(1e-3, 1000) // one false collapse in a thousand hours, 1000 looks a second
	if err != nil {
		fmt.Println(err)
		return
	}
	nu, err := evidence.NuMin(0.95, alpha)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1f\n", nu)
	// Output: 26.2
}

func ExampleProcess() {
	var e evidence.Process
	for range 10 {
		e.Step(1i, 1)
	}
	fmt.Printf("chance of ever seeing this: at most %.0e\n", math.Exp(-e.LnE()))
	// Output: chance of ever seeing this: at most 1e-09
}

func ExampleDetector() {
	var d evidence.Detector
	r := signal.Rand(1)
	for range 1000 { // noise, then a signal
		d.Step(r.Circle(), 1)
	}
	n := 0
	for ; d.LnSR() < math.Log(1e9); n++ {
		d.Step(1, 1)
	}
	fmt.Println(n < 20)
	// Output: true
}
