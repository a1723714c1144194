package phasor_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/phasor"
	"github.com/becomingone/becomingone/kernel/signal"
)

type case14 struct {
	Values map[string]json.RawMessage
}

func (c case14) get(t *testing.T, into any, format string, args ...any) {
	t.Helper()
	raw, ok := c.Values[fmt.Sprintf(format, args...)]
	require.True(t, ok, format, args)
	require.NoError(t, json.Unmarshal(raw, into))
}

// TestCase14 reads every value of the case; the count shows that none is left out.
func TestCase14(t *testing.T) {
	var c case14
	cases.Need(t, "14_fhrr.json", &c)
	n := caseDims(t, c) + caseCapacity(t, c) + caseKernel(t, c) + caseNull(t, c) + caseBundle(t, c)
	require.Equal(t, len(c.Values), n)
}

func caseDims(t *testing.T, c case14) (n int) {
	for _, s := range []float64{.05, .1, .15, .2, .25, .3, .4, .5, .7, .9} {
		var want struct{ Gauss, Chernoff, Hoeffding, Mod2 float64 }
		c.get(t, &want, "D for P(Re s>=%v)<=1e-6", s)
		got, err := phasor.DimsFor(s, 1e-6)
		require.NoError(t, err)
		require.EqualValues(t, want.Chernoff, got, s)
		z2, err := phasor.DimsPerItem(1e-6)
		require.NoError(t, err)
		require.Equal(t, want.Gauss, math.Ceil(z2/4/(s*s)), s)
		require.Equal(t, want.Hoeffding, math.Ceil(2*math.Log(1e6)/(s*s)), s)
		nu, err := evidence.NuMin(s*s, 1e-6)
		require.NoError(t, err)
		require.Equal(t, want.Mod2, math.Ceil(nu), s)
		n++
	}
	return n
}

func caseCapacity(t *testing.T, c case14) (n int) {
	for name, alpha := range map[string]float64{"0.001": 1e-3, "1e-06": 1e-6, "1e-09": 1e-9} {
		var want struct {
			Sum   float64 `json:"complex_sum"`
			Angle float64 `json:"phasor"`
		}
		c.get(t, &want, "capacity ratio D/M threshold half alpha=%s", name)
		got, err := phasor.DimsPerItem(alpha)
		require.NoError(t, err)
		require.InEpsilon(t, want.Sum, got, 1e-11)
		require.InEpsilon(t, want.Angle, got*4/math.Pi, 1e-11)
		n++
	}
	return n
}

// caseKernel compares the kernel of Features with the table, and their vectors with the kernel.
func caseKernel(t *testing.T, c case14) (n int) {
	for _, cos := range []string{"1", "0.99", "0.974", "0.95", "0.9", "0.8", "0.5", "0.0", "-1.0"} {
		var want map[string]float64
		c.get(t, &want, "RFF cos=%s", cos)
		var x float64
		_, err := fmt.Sscan(cos, &x)
		require.NoError(t, err)
		for _, sigma2 := range []float64{1, 4, 16} {
			s := want[fmt.Sprintf("sigma2=%v", sigma2)]
			require.InEpsilon(t, s, math.Exp(-sigma2*(1-x)), 1e-12)
			require.InDelta(t, x, phasor.GateCos(s*s, sigma2), 1e-12)
		}
		n++
	}
	pair := featurePairs(t, 4096, 4)
	for _, cos := range []string{"0.95", "0.8", "0.5", "0"} {
		var want struct {
			Theory, SD float64
			Re         float64 `json:"sim_re"`
		}
		c.get(t, &want, "RFF check sigma2=4 D=4096 cos=%s", cos)
		var x float64
		_, err := fmt.Sscan(cos, &x)
		require.NoError(t, err)
		s := pair(x)
		require.InDelta(t, want.Theory, real(s), 4*want.SD, cos)
		require.InDelta(t, want.Re, real(s), 4*math.Sqrt2*want.SD, cos)
		require.InDelta(t, 0, imag(s), 4*want.SD, cos)
		n++
	}
	return n
}

// featurePairs returns the similarity of two embeddings of 64 numbers with a given cosine.
func featurePairs(t *testing.T, dims int, sigma2 float64) func(cos float64) complex128 {
	f, err := book(t, dims).Features("text", 64, sigma2)
	require.NoError(t, err)
	rnd := signal.Rand(7)
	e, o := make([]float64, 64), make([]float64, 64)
	ee, eo, oo := 0.0, 0.0, 0.0
	for i := range e {
		e[i], o[i] = rnd.Gauss(), rnd.Gauss()
		ee += e[i] * e[i]
		eo += e[i] * o[i]
	}
	for i := range o {
		e[i] /= math.Sqrt(ee)
		o[i] -= eo / math.Sqrt(ee) * e[i]
		oo += o[i] * o[i]
	}
	return func(cos float64) complex128 {
		a, b := make([]float32, 64), make([]float32, 64)
		for i := range a {
			a[i] = float32(3 * e[i]) // the length does not count
			b[i] = float32(cos*e[i] + math.Sqrt(1-cos*cos)*o[i]/math.Sqrt(oo))
		}
		x, err := f.Vector(nil, a)
		require.NoError(t, err)
		y, err := f.Vector(nil, b)
		require.NoError(t, err)
		return phasor.Similarity(x, y)
	}
}

func caseNull(t *testing.T, c case14) (n int) {
	for _, d := range []int{64, 256, 1024, 4096} {
		var want struct {
			VarTheory  float64                       `json:"theory"`
			Abs2Theory float64                       `json:"theory_abs2"`
			P          struct{ X, Exp, Emp float64 } `json:"P_abs2_ge_x"`
		}
		c.get(t, &want, "null D=%d", d)
		require.Equal(t, 1/float64(2*d), want.VarTheory)
		require.Equal(t, 1/float64(d), want.Abs2Theory)
		checkNull(t, d, want.P.X, want.P.Exp)
		n++
	}
	return n
}

func caseBundle(t *testing.T, c case14) (n int) {
	for _, d := range []int{512, 1024, 4096} {
		for _, m := range []int{2, 5, 10, 20, 50, 100} {
			var want struct {
				MemberSD  float64 `json:"sum_member_sd_theory"`
				NullSD    float64 `json:"sum_null_sd_theory"`
				Angle     float64 `json:"phasor_theory"`
				AngleMean float64 `json:"phasor_member_mean"`
				AngleNull float64 `json:"phasor_null_sd_theory"`
			}
			c.get(t, &want, "bundle D=%d M=%d", d, m)
			require.InEpsilon(t, math.Sqrt(float64(m-1)/float64(2*d)), want.MemberSD, 1e-12)
			require.InEpsilon(t, math.Sqrt(float64(m)/float64(2*d)), want.NullSD, 1e-12)
			require.InEpsilon(t, math.Sqrt(math.Pi/float64(4*m)), want.Angle, 1e-12)
			require.InEpsilon(t, 1/math.Sqrt(float64(2*d)), want.AngleNull, 1e-12)
			mean := checkBundle(t, d, m)
			require.InDelta(t, want.AngleMean, mean, 4*want.AngleNull*math.Sqrt(2./bundles), "D=%d M=%d", d, m)
			n++
		}
	}
	return n
}
