package align_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/align"
	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/signal"
)

func equal(n int) []float64 {
	w := make([]float64, n)
	for k := range w {
		w[k] = 1
	}
	return w
}

type case19 struct {
	C     map[string]float64
	Cases []struct {
		Points     []pair
		Median     pair `json:"geometric_median"`
		Honest     int
		HonestMean pair    `json:"honest_mean"`
		Radius     float64 `json:"honest_radius"`
		Bound      float64
		Error      float64 `json:"gm_error"`
	}
	Tolerance float64
	Loop      struct {
		Examples []struct {
			Kp, Ki float64
			Radius float64 `json:"spectral_radius"`
		}
	} `json:"type2_pll"`
}

func TestCase19(t *testing.T) {
	var c case19
	cases.Need(t, "19_robust_mesh.json", &c)
	for alpha, want := range c.C {
		a, err := strconv.ParseFloat(alpha, 64)
		require.NoError(t, err)
		require.InDelta(t, want, align.MedianBound(a, 0), 1e-12*want)
	}
	for _, v := range c.Cases {
		points := make([]complex128, len(v.Points))
		for k, p := range v.Points {
			points[k] = p.complex()
		}
		got := align.Median(points, equal(len(points)))
		require.LessOrEqual(t, cmplx.Abs(got.At-v.Median.complex()), c.Tolerance, "%+v", got)
		if v.Honest == 0 {
			continue
		}
		require.InDelta(t, v.Error, cmplx.Abs(got.At-v.HonestMean.complex()), c.Tolerance)
		alpha := 1 - float64(v.Honest)/float64(len(points))
		require.InDelta(t, v.Bound, align.MedianBound(alpha, got.Slope)*v.Radius, c.Tolerance)
	}
	for _, v := range c.Loop.Examples {
		cfg := align.LoopConfig{Kp: v.Kp, Ki: v.Ki}
		require.InDelta(t, v.Radius, cfg.Radius(), 1e-7, v) // the file's double root was found numerically
		require.Equal(t, v.Radius < 1, cfg.Validate() == nil, v)
	}
}

// The bound and the loop by their formulas, without the reference file.
func TestFormulas(t *testing.T) {
	for _, a := range []float64{0, .1, .25, 1. / 3, .4, .45} {
		require.InEpsilon(t, (1-a)/math.Sqrt(1-2*a), align.MedianBound(a, 0), 1e-14)
		require.Greater(t, align.MedianBound(a, 1e-3), align.MedianBound(a, 0))
	}
	r := signal.Rand(6)
	for range 3000 { // the measured growth of an error, from the recursion itself
		c := align.LoopConfig{Kp: 2.5 * r.Float64(), Ki: r.Float64()}
		e, d, grown := 1.0, .5, 0.0
		for k := range 4000 {
			e, d = (1-c.Kp)*e+d, d-c.Ki*e
			size := math.Hypot(e, d)
			e, d = e/size, d/size
			if k >= 400 {
				grown += math.Log(size) / 3600
			}
		}
		require.InDelta(t, math.Log(c.Radius()), grown, 5e-3, "%+v", c)
		require.Equal(t, c.Radius() < 1, c.Validate() == nil, "%+v", c)
	}
	for _, kp := range []float64{.2, .5, 1, 1.9} {
		require.InDelta(t, 1-kp/2, align.CriticalLoop(kp).Radius(), 1e-7)
	}
}

// cost is what a geometric median makes least.
func cost(points []complex128, weights []float64, y complex128) (sum float64) {
	for k, x := range points {
		sum += weights[k] * cmplx.Abs(x-y)
	}
	return sum
}

// No point nearby, and no point of the set, costs less; and f liars of 3f+1 stay within the bound.
func TestMedianAgainstLiars(t *testing.T) {
	r := signal.Rand(9)
	worst, slope, steps := 0.0, 0.0, 0
	for trial := range 4000 {
		f := 1 + trial%5
		n := 3*f + 1
		points, weights := make([]complex128, n), equal(n)
		z, radius := complex(1.4*r.Float64()-.7, 1.4*r.Float64()-.7), math.Pow(10, -4*r.Float64())
		aim := r.Circle()
		for k := range points {
			switch {
			case k >= f:
				points[k] = z + complex(radius*math.Sqrt(r.Float64()), 0)*r.Circle()
			case trial%3 == 0:
				points[k] = aim // together, as far as they can
			case trial%3 == 1:
				points[k] = r.Circle()
			default:
				points[k] = z + complex(2*radius, 0)*aim
			}
		}
		got := align.Median(points, weights)
		bound := align.MedianBound(float64(f)/float64(n), got.Slope) * radius
		err := cmplx.Abs(got.At - z)
		require.LessOrEqual(t, err, bound, "f %d: %v", f, points)
		worst, slope, steps = max(worst, err/bound), max(slope, got.Slope), max(steps, got.Steps)
		at := cost(points, weights, got.At)
		for _, x := range points {
			require.LessOrEqual(t, at, cost(points, weights, x)*(1+1e-12))
		}
		for range 4 {
			require.LessOrEqual(t, at, cost(points, weights, got.At+complex(radius*.01, 0)*r.Circle())*(1+1e-12))
		}
	}
	t.Logf("largest error %.3f of its bound, at most %d steps, slope %.2g", worst, steps, slope)
	require.Greater(t, worst, .3, "the liars did not try")
	require.Less(t, steps, 64)
	require.Less(t, slope, 1e-9)
}

// Tight liars nearly attain the bound: it is no idle one.
func TestMedianBoundIsNearlyAttained(t *testing.T) {
	const near, far = 300, 200 // alpha = .4
	points := make([]complex128, 0, near+far)
	for k := range near { // on the circle, where the liars' pull and theirs balance at the bound
		points = append(points, complex(0, float64(1-2*(k%2))))
	}
	for range far {
		points = append(points, 1e6)
	}
	got := align.Median(points, equal(len(points)))
	bound := align.MedianBound(.4, got.Slope)
	require.LessOrEqual(t, cmplx.Abs(got.At), bound)
	require.Greater(t, cmplx.Abs(got.At), .6*bound)
}

func TestMedianEdges(t *testing.T) {
	require.Zero(t, align.Median(nil, nil))
	require.Zero(t, align.Median([]complex128{1, 2}, []float64{0, -1}))
	require.Equal(t, complex128(1), align.Median([]complex128{1, cmplx.NaN(), cmplx.Inf()}, equal(3)).At)
	require.Equal(t, complex128(1i), align.Median([]complex128{1, 1i, 1i, -1}, equal(4)).At)
	require.Equal(t, complex128(3), align.Median([]complex128{1, 2, 3}, []float64{1, 1, 2.5}).At)
	require.InDelta(t, 0, cmplx.Abs(align.Median([]complex128{1, 1i, -1, -1i}, equal(4)).At), 1e-12)
	require.True(t, math.IsInf(align.MedianBound(.5, 0), 1))
	require.True(t, math.IsInf(align.MedianBound(.4, .3), 1))
	require.True(t, math.IsInf(align.MedianBound(math.NaN(), 0), 1))
}

// Whatever others say, the step stays within the honest values, and 3f+1 nodes agree.
func TestMSRConverges(t *testing.T) {
	r := signal.Rand(4)
	for f := 1; f <= 4; f++ {
		n := 3*f + 1
		values := make([]float64, n)
		for k := f; k < n; k++ {
			values[k] = 2*r.Float64() - 1
		}
		lo, hi := -1., 1.
		for range 200 {
			next := make([]float64, n)
			a, b := math.Inf(1), math.Inf(-1)
			for k := f; k < n; k++ {
				others := make([]float64, 0, n)
				for j := range values {
					switch {
					case j >= f && j != k:
						others = append(others, values[j])
					case j < f: // a liar tells each something else
						others = append(others, []float64{1e9, -1e9, math.NaN(), math.Inf(1), 3 * r.Float64()}[int(r.Uint64()%5)])
					}
				}
				next[k] = align.MSR(values[k], others, f)
				a, b = min(a, next[k]), max(b, next[k])
			}
			require.GreaterOrEqual(t, a, lo-1e-15)
			require.LessOrEqual(t, b, hi+1e-15)
			lo, hi, values = a, b, next
		}
		require.Less(t, hi-lo, 1e-9, "f %d", f)
	}
}

func TestMSRStep(t *testing.T) {
	require.Equal(t, 2.0, align.MSR(2, nil, 1))
	require.Equal(t, 2.0, align.MSR(2, []float64{100, -100}, 1))
	require.InDelta(t, 2.5, align.MSR(2, []float64{100, -100, 3}, 1), 1e-15, "100 goes, 3 stays")
	require.InDelta(t, 4, align.MSR(2, []float64{4, 6}, 0), 1e-15)
	require.InDelta(t, 2.0/3, align.MSR(0, []float64{1, 1, 5}, 1), 1e-15)
	require.InDelta(t, -math.Pi+.1, align.MSRPhase(math.Pi-.1, []float64{-math.Pi + .3}, 0), 1e-12, "across the seam")
}

func TestLoopSettles(t *testing.T) {
	for _, kp := range []float64{.2, .5, 1} {
		l, err := align.NewLoop(align.CriticalLoop(kp))
		require.NoError(t, err)
		theta, e := 2.5, 0.0
		for range 400 {
			e = l.Step(theta)
			theta += .3 // a steady difference of frequency, turning round and round
		}
		require.InDelta(t, 0, e, 1e-12, "no error is left")
		require.InDelta(t, .3, l.Omega(), 1e-12)
	}
	for _, bad := range []align.LoopConfig{{Kp: 2.2, Ki: .1}, {Kp: .1, Ki: .2}, {Kp: 1}, {Kp: math.NaN(), Ki: 1}} {
		_, err := align.NewLoop(bad)
		require.ErrorContains(t, err, "align: loop k")
	}
}

// KERNEL.md 4.3: after a partition of any length the loop is back within 20 rounds.
func TestLoopRelocks(t *testing.T) {
	l, err := align.NewLoop(align.CriticalLoop(1))
	require.NoError(t, err)
	theta := .4
	for range 100 {
		l.StepPair(cmplx.Rect(.9, theta), 1i)
		theta += .01
	}
	for range 3000 { // 30 s at 100 Hz of silence, while the frequency moves on
		l.StepPair(0, 1)
		theta += .0123
	}
	var e float64
	for range 20 {
		e = l.StepPair(cmplx.Rect(.9, theta), 1i)
		theta += .0123
	}
	require.InDelta(t, 0, e, 1e-3)
}

func FuzzLoop(f *testing.F) {
	f.Add(1e300, .5, math.Inf(1))
	f.Add(-7.0, math.Pi, math.NaN())
	f.Fuzz(func(t *testing.T, a, b, c float64) {
		l, err := align.NewLoop(align.CriticalLoop(.5))
		require.NoError(t, err)
		for range 5 {
			for _, v := range []float64{a, b, c} {
				require.LessOrEqual(t, math.Abs(l.Step(v)), math.Pi)
				require.LessOrEqual(t, math.Abs(l.Theta()), math.Pi)
				require.LessOrEqual(t, math.Abs(l.Omega()), math.Pi)
			}
		}
		vs := []float64{a, b, c, -a}
		require.LessOrEqual(t, math.Abs(align.MSRPhase(1, vs, 1)), math.Pi)
		got := align.Median([]complex128{complex(a, b), complex(c, a), 1, 1i}, []float64{1, b, c, 2})
		require.False(t, cmplx.IsNaN(got.At))
	})
}

func TestOrder(t *testing.T) {
	require.Equal(t, complex128(1i), align.Order([]complex128{2i, .1i, 0, cmplx.NaN()}))
	require.Zero(t, align.Order(nil))
	r := signal.Rand(2)
	crowd := make([]complex128, 10_000)
	for k := range crowd {
		crowd[k] = r.Circle()
	}
	require.Less(t, cmplx.Abs(align.Order(crowd)), .03) // about 1/√n
}

func ExampleMedian() {
	c := align.Median([]complex128{.9, .91, .905 + .02i, -1}, []float64{1, 1, 1, 1}) // one lies
	fmt.Printf("%.3f %.3f\n", c.At, align.MedianBound(.25, c.Slope))
	// Output: (0.900+0.000i) 1.061
}

func ExampleMSR() {
	fmt.Println(align.MSR(10, []float64{12, 1e6}, 1)) // the largest above goes
	// Output: 11
}

func ExampleMSRPhase() {
	fmt.Printf("%.2f\n", align.MSRPhase(3.1, []float64{-3.1}, 0)) // across the seam
	// Output: 3.14
}

func ExampleOrder() {
	fmt.Println(align.Order([]complex128{1, 1i}))
	// Output: (0.5+0.5i)
}

func ExampleLoop() {
	l, err := align.NewLoop(align.CriticalLoop(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	for k := range 40 {
		l.Step(.1 * float64(k))
	}
	fmt.Printf("%.6f rad a round\n", l.Omega())
	// Output: 0.100000 rad a round
}

func BenchmarkMedian(b *testing.B) {
	for _, n := range []int{4, 16, 64} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			r := signal.Rand(1)
			points := make([]complex128, n)
			for k := range points {
				points[k] = .9 + .05*r.Circle()
				if k < n/4 {
					points[k] = r.Circle()
				}
			}
			weights := equal(n)
			b.ReportAllocs()
			for b.Loop() {
				if align.Median(points, weights).Slope > 1e-9 {
					b.Fatal("not there")
				}
			}
		})
	}
}
