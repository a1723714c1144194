package observer

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/becomingone/becomingone/kernel/signal"
)

func TestUpperQuantileIsTheNormalLaw(t *testing.T) {
	for _, p := range []float64{.5, .4, .1, .05, .025, .01, .005, 1e-3, 1e-4, 2e-4, 1e-6, 1e-9, 1e-12, 1e-15} {
		z := upperQuantile(p)
		require.InEpsilon(t, p, 0.5*math.Erfc(z/math.Sqrt2), 1e-11, p)
	}
}

// TestKurtosisBar counts how often normal numbers leave the bars: as often as asked for, and 2.5 times that
// far out, as the transformation is not exact and the moments are taken about 0.
func TestKurtosisBar(t *testing.T) {
	const n, runs = 256, 20_000
	r := signal.Rand(3)
	levels := [...]float64{.01, .001}
	var over, under [2]float64
	var bars [2]Range
	for i, p := range levels {
		z := upperQuantile(p)
		bars[i] = Range{kurtosisBar(n, -z), kurtosisBar(n, z)}
	}
	for range runs {
		s2, s4 := 0.0, 0.0
		for range n {
			x := r.Gauss()
			s2 += x * x
			s4 += x * x * x * x
		}
		for i, bar := range bars {
			switch k := n * s4 / (s2 * s2); {
			case k > bar.High:
				over[i]++
			case k < bar.Low:
				under[i]++
			}
		}
	}
	for i, p := range levels {
		se := math.Sqrt(p / runs)
		for _, got := range []float64{over[i] / runs, under[i] / runs} {
			require.Less(t, got, 2.5*p+4*se, p)
			require.Greater(t, got, 0.4*p-4*se, p)
		}
	}
}

// trial is a local level with known q and r beside a filter that knows them.
type trial struct {
	l level
	x float64
	r signal.Rand
}

func newTrial(seed uint64, g Riccati) *trial {
	t := &trial{r: signal.Rand(seed)}
	t.l.g = g
	t.l.first(math.Sqrt(g.R) * t.r.Gauss())
	return t
}

func (t *trial) step(g Riccati, n uint64) float64 {
	t.x += math.Sqrt(g.Q) * t.r.Gauss()
	return t.l.step(t.x+math.Sqrt(g.R)*t.r.Gauss(), n, 0)
}

// TestNISIsChiSquared: a filter that knows q and r leaves the 99 % band of χ²_n/n in 1 % of the blocks, its
// innovations are white, and its state's error shrinks as 1-K.
func TestNISIsChiSquared(t *testing.T) {
	const n, blocks = 256, 8000
	low, high, err := Band(n, 0.99)
	require.NoError(t, err)
	for i, ratio := range []float64{.01, .1, 1, 10} {
		g := Riccati{Q: ratio * 1e-4, R: 1e-4}
		v := newTrial(uint64(i), g)
		out, lag, sum := 0.0, 0.0, 0.0
		for range 1000 {
			v.step(g, 0)
		}
		for range blocks {
			v.l.now = block{}
			for range n {
				v.step(g, 0)
			}
			if nis := v.l.now.s2 / n; nis < low || nis > high {
				out++
			}
			lag += v.l.now.lag
			sum += v.l.now.s2
		}
		const total = n * blocks
		require.InDelta(t, .01, out/blocks, 4*math.Sqrt(.01/blocks), ratio)
		require.InDelta(t, 1, sum/total, 4*math.Sqrt(2.0/total), ratio)
		require.InDelta(t, 0, lag/total, 4/math.Sqrt(total), ratio)
	}
}

// TestBandIsChiSquared compares the cube with the quantiles of gonum's χ².
func TestBandIsChiSquared(t *testing.T) {
	for _, n := range []int{64, 256, 1024, 65536} {
		for _, level := range []float64{.9, .99, .999, 1 - .01/24} {
			low, high, err := Band(n, level)
			require.NoError(t, err)
			chi := distuv.ChiSquared{K: float64(n)}
			tol := 6e-4 // 2.5e-3 far out in the tails of few
			if level > .99 {
				tol = 2.5e-3
			}
			require.InDelta(t, chi.Quantile((1-level)/2)/float64(n), low, tol, "n %d level %v", n, level)
			require.InDelta(t, chi.Quantile((1+level)/2)/float64(n), high, tol, "n %d level %v", n, level)
		}
	}
	for _, n := range []int{-1, 0, 63, 65537} {
		_, _, err := Band(n, .99)
		require.ErrorContains(t, err, "not in 64…65536")
	}
	for _, level := range []float64{.5, 1, -1, math.NaN(), math.Inf(1)} {
		_, _, err := Band(64, level)
		require.ErrorContains(t, err, "not in (0.5, 1)")
	}
}

// TestMatchingFindsTheNoise: from q = r = 1e-4 the blocks lead to the pair that made the data, whatever
// its scale and ratio; below the least ratio to the pair of equal S.
func TestMatchingFindsTheNoise(t *testing.T) {
	const n = 256
	z := newJudge(Config{}.withDefaults())
	lim := limits{1e-30, 1e30, 1e-2}
	for _, scale := range []float64{1e-12, 1, 1e9} {
		for _, ratio := range []float64{1e-4, .01, .1, 1, 10, 100} {
			truth := Riccati{Q: ratio * scale, R: scale}
			v := newTrial(9, truth)
			v.l.g = lim.start()
			s := 0.0
			for b := range 400 {
				for k := range n {
					v.step(truth, uint64(b*n+k))
				}
				v.l.close(&z, lim)
				if b >= 200 {
					s += v.l.past.s2 / n / 200
				}
			}
			require.InDelta(t, 1, s, .03, "mean NIS at ratio %v scale %v", ratio, scale)
			want := truth.Gain(truth.Fixed())
			if ratio < lim.step {
				want = Riccati{lim.step, 1}.Gain(Riccati{lim.step, 1}.Fixed())
			}
			require.InDelta(t, want, v.l.g.Gain(v.l.g.Fixed()), .04, "gain at ratio %v scale %v", ratio, scale)
		}
	}
}

func TestClampIsIdempotent(t *testing.T) {
	r := signal.Rand(1)
	lim := limits{1e-6, 1e38, 1e-2}
	wild := func() float64 { return (r.Float64() - .3) * math.Pow(10, 90*r.Float64()-45) }
	for range 100_000 {
		g := lim.clamp(wild(), wild())
		require.Equal(t, g, lim.clamp(g.Q, g.R))
		require.True(t, g.R >= lim.least && g.R <= lim.most && g.Q > 0 && g.Q <= lim.most)
		require.Less(t, g.Slope(0), 1.0, "G contracts")
	}
}

// TestStateErrorShrinksByOneMinusGain runs one filter twice on the same data from two starts.
func TestStateErrorShrinksByOneMinusGain(t *testing.T) {
	g := Riccati{Q: 1e-4, R: 1e-2}
	a, b := level{g: g}, level{g: g}
	a.p, b.p, b.m = g.Fixed(), g.Fixed(), 1
	want := 1 - g.Gain(g.Fixed())
	require.InDelta(t, .9048750780274961, want, 1e-15, "case 13")
	r := signal.Rand(4)
	for k := range 60 {
		before := b.m - a.m
		y := r.Gauss()
		a.step(y, uint64(k), 0)
		b.step(y, uint64(k), 0)
		require.InEpsilon(t, want, (b.m-a.m)/before, 1e-9)
	}
}

// TestTrackingErrorOfADrift: under dy = v an observation without noise the error tends to v·(1-K)/K.
func TestTrackingErrorOfADrift(t *testing.T) {
	g := Riccati{Q: 1e-4, R: 1e-2}
	l := level{g: g}
	l.p = g.Fixed()
	const v = 1e-3
	y := 0.0
	for range 500 {
		y += v
		l.step(y, 0, 0)
	}
	k := g.Gain(g.Fixed())
	require.InDelta(t, v*(1-k)/k, y-l.m, 1e-12)
}

func TestLnCost(t *testing.T) {
	require.Zero(t, lnCost(math.MinInt64))
	require.Zero(t, lnCost(0))
	require.Zero(t, lnCost(1))
	r := signal.Rand(4)
	for k := range int64(200_000) {
		ns := k + 1
		if k > 2000 {
			ns = int64(r.Uint64() >> (1 + r.Uint64()%62))
		}
		require.InDelta(t, math.Log(float64(max(ns, 1))), lnCost(ns), 2e-11, ns)
	}
	require.InDelta(t, math.Log(math.MaxInt64), lnCost(math.MaxInt64), 2e-11)
}
