package phasor_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/phasor"
	"github.com/becomingone/becomingone/kernel/signal"
)

func form(t testing.TB, b *phasor.Bundle) []byte {
	t.Helper()
	out, err := b.AppendBinary(nil)
	require.NoError(t, err)
	return out
}

type item struct {
	at     phasor.Age
	vector phasor.Vector
	weight float64
}

// items draws n items with ages over the last generations before newest.
func items(c *phasor.Codebook, n int, newest phasor.Age, rnd *signal.Rand) []item {
	out := make([]item, n)
	for i := range out {
		out[i] = item{
			at:     newest - phasor.Age(rnd.Uint64()%uint64(11*phasor.HalfLife)),
			vector: c.Atom(fmt.Sprint("w", rnd.Uint64()%50)),
			weight: float64(rnd.Uint64()%2560) / 10,
		}
	}
	return out
}

func fill(t testing.TB, c *phasor.Codebook, newest phasor.Age, its []item) *phasor.Bundle {
	b := c.Bundle()
	b.Advance(newest)
	for _, i := range its {
		require.NoError(t, b.AddAt(i.at, i.vector, i.weight))
	}
	return b
}

// Whatever the order of additions and however they are spread over bundles, the merged sum is the same to
// the bit, for ages on both sides of zero and of a generation's edge.
func TestMergeCommutesAndAssociates(t *testing.T) {
	c := book(t, 64)
	rnd := signal.Rand(3)
	for _, newest := range []phasor.Age{0, 5, 11 * phasor.HalfLife, 12 * phasor.HalfLife, 30*phasor.HalfLife + 77, 1 << 40} {
		its := items(c, 60, newest, &rnd)
		want := form(t, fill(t, c, newest, its))
		reversed := append([]item(nil), its...)
		for i := range reversed {
			reversed[i] = its[len(its)-1-i]
		}
		require.Equal(t, want, form(t, fill(t, c, newest, reversed)), "order of arrival")
		parts := func() (x, y, z *phasor.Bundle) {
			return fill(t, c, newest, its[:20]), fill(t, c, newest, its[20:35]), fill(t, c, newest, its[35:])
		}
		x, y, z := parts()
		require.NoError(t, x.Merge(y))
		require.NoError(t, x.Merge(z))
		require.Equal(t, want, form(t, x), "(x+y)+z")
		x, y, z = parts()
		require.NoError(t, y.Merge(z))
		require.NoError(t, x.Merge(y))
		require.Equal(t, want, form(t, x), "x+(y+z)")
		x, y, z = parts()
		require.NoError(t, z.Merge(y))
		require.NoError(t, z.Merge(x))
		require.Equal(t, want, form(t, z), "z+y+x")
	}
}

// A bundle that was left behind merges as if it had been advanced, and as if its items had come in time.
func TestMergeAcrossGenerations(t *testing.T) {
	c := book(t, 64)
	rnd := signal.Rand(4)
	for _, gap := range []phasor.Age{1, 6, 12, 13, 25, 400} {
		gap *= phasor.HalfLife
		old := fill(t, c, 0, items(c, 20, 0, &rnd))
		fresh := items(c, 20, gap, &rnd)
		behind, ahead := fill(t, c, gap, fresh), old.Clone()
		ahead.Advance(gap)
		require.NoError(t, behind.Merge(old))
		for _, i := range fresh {
			require.NoError(t, ahead.AddAt(i.at, i.vector, i.weight))
		}
		require.Equal(t, form(t, ahead), form(t, behind), gap)
	}
}

func TestMergeRefuses(t *testing.T) {
	c := book(t, 64)
	b, o := c.Bundle(), c.Bundle()
	o.Advance(1)
	require.ErrorIs(t, b.Merge(o), phasor.ErrAhead)
	require.ErrorIs(t, b.Merge(book(t, 128).Bundle()), phasor.ErrBook)
	require.NoError(t, b.Add(c.Atom("w"), 256))
	for b.Merge(b.Clone()) == nil { // doubles until it is full
		require.Less(t, b.View(nil).Mass(), 1e12)
	}
	before := form(t, b)
	require.ErrorIs(t, b.Merge(b.Clone()), phasor.ErrFull)
	require.Equal(t, before, form(t, b))
	require.InEpsilon(t, 1, real(b.View(nil).Coherence(c.Atom("w"))), 1e-3, "a full bundle still reads")
	b.Advance(12 * phasor.HalfLife)
	require.NoError(t, b.Add(c.Atom("w"), 256), "half-lives make room")
}

func TestAddRefuses(t *testing.T) {
	c := book(t, 64)
	b := c.Bundle()
	for _, w := range []float64{-1, 256.01, math.NaN(), math.Inf(1)} {
		require.ErrorContains(t, b.Add(c.Atom("w"), w), "weight")
	}
	require.ErrorContains(t, b.Add(make(phasor.Vector, 60), 1), "60 dimensions")
	b.Advance(12 * phasor.HalfLife)
	require.NoError(t, b.AddAt(0, c.Atom("w"), 1), "one generation back")
	require.ErrorIs(t, b.AddAt(-1, c.Atom("w"), 1), phasor.ErrOld)
	require.NoError(t, b.AddAt(24*phasor.HalfLife, c.Atom("x"), 1))
	require.Equal(t, 24*phasor.HalfLife, b.Age())
	require.InDelta(t, 1, b.View(nil).Mass(), 1e-12, "the older is gone")
}

// A weight halves with each half-life, until it falls out after one to two generations.
func TestForgetting(t *testing.T) {
	c := book(t, 4096)
	w := c.Atom("w")
	for _, start := range []phasor.Age{0, 3*phasor.HalfLife + 1234, -5} {
		b := c.Bundle()
		b.Advance(start)
		require.NoError(t, b.AddAt(start, w, 64))
		for _, halves := range []float64{0, .25, 1, 5.5, 9, 11.5} {
			b.Advance(start + phasor.Age(halves*float64(phasor.HalfLife)))
			v := b.View(nil)
			require.InEpsilon(t, 64*math.Exp2(-halves), v.Mass(), .002, halves)
			require.InEpsilon(t, 64*math.Exp2(-halves), v.Weight(w), .002, halves)
			require.InEpsilon(t, 1, real(v.Coherence(w)), 1e-6)
			require.InEpsilon(t, 1, v.Items(), 1e-5)
		}
		b.Advance(start + 24*phasor.HalfLife)
		require.True(t, b.Empty())
		require.Zero(t, b.View(nil).Weight(w))
	}
}

// A view agrees with the sum of complex exponentials.
func TestViewAgainstMath(t *testing.T) {
	const d = 1024
	c := book(t, d)
	rnd := signal.Rand(9)
	now := 20 * phasor.HalfLife
	its := items(c, 30, now, &rnd)
	sum := make([]complex128, d)
	mass := 0.0
	for _, i := range its {
		w := i.weight * math.Exp2(-float64(now-i.at)/float64(phasor.HalfLife))
		mass += w
		for k, p := range i.vector {
			sum[k] += cmplx.Rect(w, 2*math.Pi*float64(p)/65536)
		}
	}
	square := 0.0
	for _, z := range sum {
		square += real(z)*real(z) + imag(z)*imag(z)
	}
	v := fill(t, c, now, its).View(nil)
	require.InEpsilon(t, mass, v.Mass(), 1e-3)
	require.InEpsilon(t, math.Sqrt(square/2)/d, v.Noise(), 1e-3)
	require.InEpsilon(t, d*mass*mass/square, v.Items(), 3e-3)
	for i := range 60 {
		a := c.Atom(fmt.Sprint("w", i))
		var want complex128
		for k, p := range a {
			want += cmplx.Rect(1, 2*math.Pi*float64(p)/65536) * cmplx.Conj(sum[k])
		}
		require.InDelta(t, real(want)/d, v.Weight(a), 1e-3*mass)
		require.Less(t, cmplx.Abs(want/complex(math.Sqrt(d*square), 0)-v.Coherence(a)), 1e-3)
	}
}

// The cosine of two bundles is that of their weighted counts, within the noise of the sketch.
func TestAgainst(t *testing.T) {
	c := book(t, 4096)
	x, y := c.Bundle(), c.Bundle()
	for i := range 20 {
		require.NoError(t, x.Add(c.Atom(fmt.Sprint(i)), 1))
		require.NoError(t, y.Add(c.Atom(fmt.Sprint(i+5)), 2))
	}
	s, err := x.View(nil).Against(y.View(nil))
	require.NoError(t, err)
	require.InDelta(t, .75, real(s), 4/math.Sqrt(2*4096))
	require.InDelta(t, 0, imag(s), 4/math.Sqrt(2*4096))
	s, err = x.View(nil).Against(x.View(nil))
	require.NoError(t, err)
	require.InDelta(t, 1, real(s), 1e-12)
	s, err = x.View(nil).Against(c.Bundle().View(nil))
	require.NoError(t, err)
	require.Zero(t, s)
	_, err = x.View(nil).Against(book(t, 64).Bundle().View(nil))
	require.ErrorIs(t, err, phasor.ErrBook)
}

func TestEmptyView(t *testing.T) {
	c := book(t, 64)
	for _, v := range []*phasor.View{new(phasor.View), c.Bundle().View(nil)} {
		a := c.Atom("a")
		require.Zero(t, v.Mass())
		require.Zero(t, v.Items())
		require.Zero(t, v.Noise())
		require.Zero(t, v.Weight(a))
		require.Zero(t, v.Coherence(a))
		require.Zero(t, v.LnChance(a))
	}
}
