package phasor_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/phasor"
)

var testKey = []byte("a key that only tests may know")

func book(tb testing.TB, dims int) *phasor.Codebook {
	tb.Helper()
	c, err := phasor.New(phasor.Config{Key: testKey, Dims: dims})
	require.NoError(tb, err)
	return c
}

// moments gathers mean and variance.
type moments struct{ n, sum, square float64 }

func (m *moments) add(x float64) { m.n++; m.sum += x; m.square += x * x }
func (m *moments) mean() float64 { return m.sum / m.n }
func (m *moments) sd() float64   { return math.Sqrt(m.square/m.n - m.mean()*m.mean()) }

// near holds mean and standard deviation to 4 standard errors.
func (m *moments) near(t *testing.T, mean, sd float64, what string) {
	t.Helper()
	require.InDelta(t, mean, m.mean(), 4*sd/math.Sqrt(m.n), "mean of %s", what)
	require.InDelta(t, sd, m.sd(), 4*sd/math.Sqrt(2*m.n), "sd of %s", what)
}

// checkNull draws pairs of atoms: Re s and Im s have mean 0 and variance 1/2D, |s|² >= x has the chance p.
func checkNull(t *testing.T, d int, x, p float64) {
	const pairs = 20_000
	c := book(t, d)
	var re, im, abs2 moments
	passed := 0.0
	for i := range pairs {
		s := phasor.Similarity(c.Atom(fmt.Sprint("a", i)), c.Atom(fmt.Sprint("b", i)))
		re.add(real(s))
		im.add(imag(s))
		m := real(s)*real(s) + imag(s)*imag(s)
		abs2.add(m)
		if m >= x {
			passed++
		}
	}
	sd := math.Sqrt(1 / float64(2*d))
	re.near(t, 0, sd, "Re s")
	im.near(t, 0, sd, "Im s")
	require.InDelta(t, 1/float64(d), abs2.mean(), 4/float64(d)/math.Sqrt(pairs))
	require.InDelta(t, p*pairs, passed, 4*math.Sqrt(p*pairs), "D=%d", d)
	require.GreaterOrEqual(t, math.Exp(evidence.LnBound(float64(d), x)), p)
}

func TestNull(t *testing.T) { checkNull(t, 1024, math.Log(1000)/1024, 1e-3) }

const bundles = 200

// checkBundle fills bundles with m atoms and asks for a member and for strangers. It returns the mean
// similarity of a member with the angles of the bundle.
func checkBundle(t *testing.T, d, m int) float64 {
	c := book(t, d)
	var member, stranger, angle, angleStranger, noise moments
	var v phasor.View
	for r := range bundles {
		b := c.Bundle()
		for i := range m {
			require.NoError(t, b.Add(c.Atom(fmt.Sprint(r, "/", i)), 1))
		}
		first := c.Atom(fmt.Sprint(r, "/0"))
		b.View(&v)
		member.add(v.Weight(first))
		noise.add(v.Noise())
		angles := b.Phases(nil)
		angle.add(real(phasor.Similarity(first, angles)))
		for i := range 8 {
			other := c.Atom(fmt.Sprint(r, "x", i))
			stranger.add(v.Weight(other))
			angleStranger.add(real(phasor.Similarity(other, angles)))
		}
	}
	what := fmt.Sprintf("D=%d M=%d", d, m)
	member.near(t, 1, math.Sqrt(float64(m-1)/float64(2*d)), "member "+what)
	stranger.near(t, 0, math.Sqrt(float64(m)/float64(2*d)), "stranger "+what)
	angleStranger.near(t, 0, 1/math.Sqrt(float64(2*d)), "stranger by angle "+what)
	require.InEpsilon(t, math.Sqrt(float64(m)/float64(2*d)), noise.mean(), 0.02, what)
	return angle.mean()
}

// The exact mean of an angle bundle of two is 2/π; the formula sqrt(π/4M) is its limit for many.
func TestBundleCapacity(t *testing.T) {
	require.InDelta(t, 2/math.Pi, checkBundle(t, 512, 2), 4/math.Sqrt(1024*bundles))
	require.InDelta(t, math.Sqrt(math.Pi/200), checkBundle(t, 1024, 50), 4/math.Sqrt(2048*bundles)+.001)
}

// At D/M = 19.1 the threshold 1/2 errs once in a thousand times, on both sides.
func TestThresholdOfHalf(t *testing.T) {
	per, err := phasor.DimsPerItem(1e-3)
	require.NoError(t, err)
	c := book(t, 512)
	m := int(512 / per)
	var v phasor.View
	wrong, asked := 0, 0
	for r := range 400 {
		b := c.Bundle()
		for i := range m {
			require.NoError(t, b.Add(c.Atom(fmt.Sprint(r, "/", i)), 1))
		}
		b.View(&v)
		for i := range m {
			if v.Weight(c.Atom(fmt.Sprint(r, "/", i))) < .5 {
				wrong++
			}
			if v.Weight(c.Atom(fmt.Sprint(r, "x", i))) >= .5 {
				wrong++
			}
			asked += 2
		}
	}
	expect := 1e-3 * float64(asked)
	require.InDelta(t, expect, wrong, 6*math.Sqrt(expect), "of %d", asked) // pairs of members share their noise
	require.Positive(t, wrong)
}

func TestBounds(t *testing.T) {
	require.Zero(t, phasor.LnTail(100, 0))
	require.Zero(t, phasor.LnTail(100, -1))
	require.True(t, math.IsInf(phasor.LnTail(100, 1), -1))
	for _, s := range []float64{.01, .1, .3, .7, .95} {
		d, err := phasor.DimsFor(s, 1e-6)
		require.NoError(t, err)
		require.LessOrEqual(t, phasor.LnTail(d, s), math.Log(1e-6))
		require.Greater(t, phasor.LnTail(d-1, s), math.Log(1e-6))
	}
	// ½·erfc(z/√2) is an independent oracle of the quantile.
	for _, alpha := range []float64{.49, .3, .1, .0228, .02, 1e-3, 1e-6, 1e-12, 1e-100} {
		per, err := phasor.DimsPerItem(alpha)
		require.NoError(t, err)
		require.InEpsilon(t, alpha, math.Erfc(math.Sqrt(per)/2)/2, 1e-10, alpha)
	}
	for _, bad := range []float64{0, 1, -1, math.NaN()} {
		_, err := phasor.DimsFor(bad, .5)
		require.ErrorContains(t, err, "similarity")
		_, err = phasor.DimsFor(.5, bad)
		require.ErrorContains(t, err, "alpha")
		_, err = phasor.DimsPerItem(bad)
		require.ErrorContains(t, err, "alpha")
	}
}

// The chance that a view states is above the measured one, at every level.
func TestLnChanceBoundsStrangers(t *testing.T) {
	c := book(t, 256)
	b := c.Bundle()
	for i := range 12 {
		require.NoError(t, b.Add(c.Atom(fmt.Sprint("m", i)), float64(1+i%3)))
	}
	v := b.View(nil)
	const n = 20_000
	below := map[float64]float64{.1: 0, .01: 0, .001: 0}
	for i := range n {
		p := math.Exp(v.LnChance(c.Atom(fmt.Sprint("s", i))))
		for level := range below {
			if p <= level {
				below[level]++
			}
		}
	}
	for level, got := range below {
		require.LessOrEqual(t, got/n, level)
	}
	require.Positive(t, below[.1], "a bound that nothing reaches would not be tested")
	require.Less(t, v.LnChance(c.Atom("m2")), math.Log(1e-6))
}
