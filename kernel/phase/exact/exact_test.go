package exact_test

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// walk calls f for n numbers spread over [lo, hi] by an irrational step, so that no grid is favoured.
func walk(n int, lo, hi float64, f func(x float64)) {
	u := 0.5
	for range n {
		u = math.Mod(u+math.Phi, 1)
		f(lo + (hi-lo)*u)
	}
}

func relative(t *testing.T, want, got float64, at ...any) {
	t.Helper()
	if math.Abs(got-want) > 1e-15*math.Abs(want) {
		t.Fatalf("at %v: got %.17g, want %.17g, off by %.2g", at, got, want, (got-want)/want)
	}
}

// series sums Σ x^k·c(k) with 200-bit numbers until the terms vanish: the oracle for exp.
func bigExp(x float64) float64 {
	prec := uint(300)
	halved := 12
	r := new(big.Float).SetPrec(prec).SetFloat64(x)
	r.SetMantExp(r, -halved)
	sum := new(big.Float).SetPrec(prec).SetInt64(1)
	term := new(big.Float).SetPrec(prec).SetInt64(1)
	for k := int64(1); k < 80; k++ {
		term.Mul(term, r)
		term.Quo(term, new(big.Float).SetPrec(prec).SetInt64(k))
		sum.Add(sum, term)
	}
	for range halved {
		sum.Mul(sum, sum)
	}
	v, _ := sum.Float64()
	return v
}

func TestExpAgainstBigSeries(t *testing.T) {
	check := func(x float64) {
		relative(t, bigExp(x), exact.Exp(x), x)
		if x <= 0 {
			relative(t, bigExp(x), exact.ExpNeg(-x), x)
		}
	}
	walk(3000, -700, 700, check)
	walk(3000, -1.0/8, 0, check)
	walk(1000, -1e-9, 1e-9, check)
}

func TestExpEnds(t *testing.T) {
	require.Equal(t, 1.0, exact.Exp(0))
	require.Equal(t, 1.0, exact.ExpNeg(0))
	require.Equal(t, 1.0, exact.ExpNeg(-3))
	require.Equal(t, 0.0, exact.ExpNeg(1e300))
	require.Equal(t, 0.0, exact.ExpNeg(math.Inf(1)))
	require.True(t, math.IsInf(exact.Exp(710), 1))
	require.False(t, math.IsInf(exact.Exp(709.78), 1))
	require.Equal(t, math.SmallestNonzeroFloat64, exact.Exp(-745.1))
	require.True(t, math.IsNaN(exact.Exp(math.NaN())))
	require.True(t, math.IsNaN(exact.ExpNeg(math.NaN())))
}

func TestLogAgainstMath(t *testing.T) {
	// math.Log is itself within 1 ulp, so 1e-15 holds both.
	check := func(x float64) { relative(t, math.Log(x), exact.Log(x), x) }
	walk(5000, 0.5, 2, check)
	walk(5000, 0.999, 1.001, check)
	walk(5000, 0, 1e6, check)
	relative(t, math.Log(0x1p-20)-1040*math.Ln2, exact.Log(0x1p-1060)) // math.Log on amd64 is wrong down there
	for k := -1021; k < 1024; k++ {
		check(math.Ldexp(1.234, k))
	}
	check1p := func(x float64) { relative(t, math.Log1p(x), exact.Log1p(x), x) }
	walk(5000, -0.999, 3, check1p)
	walk(5000, -1e-8, 1e-8, check1p)
	check1p(1e300)
	require.True(t, math.IsInf(exact.Log1p(-1), -1))
	require.True(t, math.IsInf(exact.Log(0), -1))
	require.True(t, math.IsNaN(exact.Log(-1)))
	require.Equal(t, 0.0, exact.Log(1))
}

func TestSincosAgainstMath(t *testing.T) {
	worst := 0.0
	walk(200_000, 0, 1, func(u float64) {
		w := uint64(u*(1<<53)) << 11
		sin, cos := exact.Sincos(w)
		ws, wc := math.Sincos(2 * math.Pi * (float64(w>>11) / (1 << 53)))
		worst = max(worst, math.Abs(sin-ws), math.Abs(cos-wc))
	})
	require.Less(t, worst, 1.2e-15) // 2π·u rounds at 4e-16 in the oracle itself
}

func TestSincosOnTheAxes(t *testing.T) {
	for k, want := range [][2]float64{{0, 1}, {1, 0}, {0, -1}, {-1, 0}} {
		sin, cos := exact.Sincos(uint64(k) << 62)
		require.Equal(t, want[0], sin)
		require.Equal(t, want[1], cos)
	}
}

func TestTurns(t *testing.T) {
	walk(20_000, -1e6, 1e6, func(x float64) {
		sin, cos := exact.Sincos(exact.Turns(x))
		ws, wc := math.Sincos(x)
		require.InDelta(t, ws, sin, 1e-15, x)
		require.InDelta(t, wc, cos, 1e-15, x)
	})
	for _, x := range []float64{0, 1e-300, 1e-19, 1e22, 3.7e150, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		sin, cos := exact.Sincos(exact.Turns(-x))
		ws, wc := math.Sincos(-x)
		require.InDelta(t, ws, sin, 1e-15, x)
		require.InDelta(t, wc, cos, 1e-15, x)
	}
	require.Zero(t, exact.Turns(math.NaN()))
	require.Zero(t, exact.Turns(math.Inf(-1)))
}

func TestAtan2AgainstMath(t *testing.T) {
	walk(100_000, -math.Pi, math.Pi, func(a float64) {
		for _, r := range []float64{1, 1e-200, 1e200} {
			y, x := r*math.Sin(a), r*math.Cos(a)
			require.InDelta(t, math.Atan2(y, x), exact.Atan2(y, x), 1e-15)
		}
	})
	require.Equal(t, 0.0, exact.Atan2(0, 0))
	require.Equal(t, math.Pi, exact.Atan2(0, -1))
	require.Equal(t, math.Pi/2, exact.Atan2(1, 0))
	require.True(t, math.IsNaN(exact.Atan2(math.Inf(1), 1)))
	require.True(t, math.IsNaN(exact.Atan2(math.NaN(), 1)))
}

func TestAbsAndUnit(t *testing.T) {
	for _, s := range []float64{1, 1e-320, 1e-200, 1e-145, 1e149, 1e200, 1e307} {
		z := complex(3*s, -4*s)
		relative(t, math.Hypot(3*s, 4*s), exact.Abs(z), s)
		require.InDelta(t, 1, exact.Abs(exact.Unit(z)), 3e-16, s)
	}
	require.Zero(t, exact.Unit(0))
	require.Zero(t, exact.Unit(complex(math.NaN(), 1)))
	require.Zero(t, exact.Unit(complex(1, math.Inf(1))))
}

func TestProducts(t *testing.T) {
	a, b := complex(1.25, -2), complex(-3, 0.5)
	require.Equal(t, a*b, exact.Mul(a, b))
	require.Equal(t, a*complex(real(b), -imag(b)), exact.MulConj(a, b))
	require.Equal(t, complex(2.5, -4), exact.Scale(2, a))
}

// TestPinnedBits holds the results to the bits of the machine that wrote them: another architecture that
// fused a product would differ here first.
func TestPinnedBits(t *testing.T) {
	h := uint64(14695981039346656037)
	mix := func(v float64) { h = (h ^ math.Float64bits(v)) * 1099511628211 }
	walk(4096, 0, 1, func(u float64) {
		sin, cos := exact.Sincos(uint64(u * (1 << 63)))
		mix(sin)
		mix(cos)
		mix(exact.Exp(80 * (u - 0.5)))
		mix(exact.ExpNeg(u / 10))
		mix(exact.Log(u + 1e-9))
		mix(exact.Log1p(u))
		mix(exact.Atan2(u-0.3, 0.6-u))
		mix(exact.Abs(complex(u, 1-u)))
	})
	require.Equal(t, uint64(0xc39e73725bb38624), h, "%#x", h)
}

func ExampleSincos() {
	sin, cos := exact.Sincos(1 << 61) // an eighth of a turn
	fmt.Printf("%.15f %.15f\n", sin, cos)
	// Output: 0.707106781186548 0.707106781186548
}

func BenchmarkSincos(b *testing.B) {
	var w uint64
	var sum float64
	for b.Loop() {
		w += 0x9E3779B97F4A7C15
		s, c := exact.Sincos(w)
		sum += s + c
	}
	require.False(b, math.IsNaN(sum))
}

func BenchmarkExpNeg(b *testing.B) {
	for _, x := range []float64{0.01, 3} {
		b.Run(fmt.Sprintf("x=%v", x), func(b *testing.B) {
			sum := 0.0
			for b.Loop() {
				sum += exact.ExpNeg(x)
			}
			require.Positive(b, sum)
		})
	}
}
