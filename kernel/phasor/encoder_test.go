package phasor_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/phasor"
	"github.com/becomingone/becomingone/kernel/signal"
)

func encoder(tb testing.TB, c *phasor.Codebook, order int) *phasor.Encoder {
	tb.Helper()
	e, err := c.Encoder(order)
	require.NoError(tb, err)
	return e
}

// text draws n words with the frequencies of a language: a few often, most seldom.
func text(n int, seed uint64) []string {
	rnd := signal.Rand(seed)
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("w", int(math.Exp(rnd.Float64()*8)))
	}
	return out
}

func gramWeight(words []string, n int, weigh func(string) float64) float64 {
	sum := 0.0
	for _, w := range words {
		sum += math.Floor(weigh(w)*256 + .5)
	}
	return math.Floor(sum/float64(n)+.5) / 256
}

// Absorbing is adding n-gram for n-gram, to the bit: with repeats, weights, chunks and lanes that fill up,
// and with a cache that is too small.
func TestAbsorbIsAdding(t *testing.T) {
	weigh := func(w string) float64 { return float64(len(w)*len(w)*len(w)-8) / 0.5 } // 0 … 234
	for _, atoms := range []int{1, 40, 0} {
		c, err := phasor.New(phasor.Config{Key: testKey, Dims: 64, Atoms: atoms})
		require.NoError(t, err)
		for order := 1; order <= 4; order++ {
			e := encoder(t, c, order)
			for _, n := range []int{0, 1, 2, 3, 7, 3000} {
				words := text(n, uint64(n))
				got, want := c.Bundle(), c.Bundle()
				got.Advance(7*phasor.HalfLife + 99)
				want.Advance(got.Age())
				require.NoError(t, e.Absorb(got, words, weigh))
				size := min(order, n)
				for i := 0; size > 0 && i+size <= n; i++ {
					v := make(phasor.Vector, 64)
					for k, w := range words[i : i+size] {
						phasor.Bind(v, v, phasor.Permute(nil, c.Atom(w), k))
					}
					require.NoError(t, want.Add(v, gramWeight(words[i:i+size], size, weigh)))
				}
				require.Equal(t, form(t, want), form(t, got), "order %d, %d words, %d atoms", order, n, atoms)
			}
		}
	}
}

// A word of the greatest weight, repeated, fills lanes and terms again and again.
func TestAbsorbRepeats(t *testing.T) {
	c := book(t, 64)
	words := strings.Fields(strings.Repeat("a b a c d e ", 300))
	got, want := c.Bundle(), c.Bundle()
	require.NoError(t, encoder(t, c, 1).Absorb(got, words, func(string) float64 { return 256 }))
	for _, w := range words {
		require.NoError(t, want.Add(c.Atom(w), 256))
	}
	require.Equal(t, form(t, want), form(t, got))
}

func TestAbsorbRefuses(t *testing.T) {
	c := book(t, 64)
	_, err := c.Encoder(0)
	require.ErrorContains(t, err, "order 0")
	_, err = c.Encoder(5)
	require.ErrorContains(t, err, "order 5")
	e := encoder(t, c, 1)
	require.ErrorIs(t, e.Absorb(book(t, 128).Bundle(), []string{"a"}, nil), phasor.ErrBook)
	b := c.Bundle()
	for _, bad := range []float64{-1, 257, math.NaN()} {
		err := e.Absorb(b, []string{"a", "bad"}, func(w string) float64 {
			if w == "bad" {
				return bad
			}
			return 1
		})
		require.ErrorContains(t, err, `word "bad"`)
	}
	require.True(t, b.Empty())
	require.NoError(t, e.Absorb(b, []string{"a"}, func(string) float64 { return 0 }))
	require.True(t, b.Empty())
	require.NoError(t, b.Add(c.Atom("w"), 256))
	for b.Merge(b.Clone()) == nil { // doubles until it is full
		require.Less(t, b.View(nil).Mass(), 1e12)
	}
	before := form(t, b)
	require.ErrorIs(t, e.Absorb(b, text(100000, 1), func(string) float64 { return 256 }), phasor.ErrFull)
	require.ErrorIs(t, e.AddCall(b, phasor.Call{Tool: "x", Args: make([]phasor.Arg, 100000)}, 256), phasor.ErrFull)
	require.Equal(t, before, form(t, b))
	_, err = e.Weigh(nil, book(t, 128).Bundle().View(nil), []string{"a"})
	require.ErrorIs(t, err, phasor.ErrBook)
}

// Order matters from two words on; single words have none.
func TestOrderMatters(t *testing.T) {
	c := book(t, 2048)
	likeness := func(order int, x, y string) float64 {
		e := encoder(t, c, order)
		a, b := c.Bundle(), c.Bundle()
		require.NoError(t, e.Absorb(a, strings.Fields(x), nil))
		require.NoError(t, e.Absorb(b, strings.Fields(y), nil))
		s, err := a.View(nil).Against(b.View(nil))
		require.NoError(t, err)
		return real(s)
	}
	require.InDelta(t, 1, likeness(1, "dog bites man", "man bites dog"), 1e-9)
	noise := 4 / math.Sqrt(2*2048)
	require.InDelta(t, 0, likeness(2, "dog bites man", "man bites dog"), noise)
	require.InDelta(t, 0, likeness(3, "dog bites man", "dog man bites"), noise)
	require.InDelta(t, .5, likeness(2, "dog bites man", "dog bites postman"), noise)
}

// Weights of words come back from a weighted bundle within its noise, repeated ones added up.
func TestWeigh(t *testing.T) {
	c := book(t, 4096)
	b := c.Bundle()
	words := strings.Fields("pay the bill of december to the bank")
	docs := map[string]uint64{"the": 90, "of": 80, "to": 85}
	idf := func(w string) float64 { return phasor.IDF(100, docs[w]) }
	require.NoError(t, encoder(t, c, 1).Absorb(b, words, idf))
	v := b.View(nil)
	probe := append([]string{"iban", "the"}, words...)
	got, err := encoder(t, c, 1).Weigh(nil, v, probe)
	require.NoError(t, err)
	require.Len(t, got, len(probe))
	for i, w := range probe {
		want := idf(w)
		switch w {
		case "iban":
			want = 0
		case "the":
			want *= 2
		}
		require.InDelta(t, want, got[i], 4*v.Noise(), w)
		require.Equal(t, v.Weight(c.Atom(w)), got[i])
	}
	pairs := encoder(t, c, 2)
	require.NoError(t, pairs.Absorb(b, words, nil))
	got, err = pairs.Weigh(nil, b.View(nil), []string{"the", "bill", "the"})
	require.NoError(t, err)
	require.InDelta(t, 1, got[0], 4*b.View(nil).Noise())
	require.InDelta(t, 0, got[1], 4*b.View(nil).Noise())
	require.Equal(t, 1.0, phasor.IDF(7, 7))
}

// The fillers of a call are found under their role, and under no other.
func TestCalls(t *testing.T) {
	c := book(t, 4096)
	e := encoder(t, c, 1)
	axis, err := c.Axis("euro", 5)
	require.NoError(t, err)
	b := c.Bundle()
	call := phasor.Call{Tool: "send_money", Outcome: "done", Args: []phasor.Arg{
		{Name: "to", Value: "DE89 3704"},
		{Name: "amount", Axis: axis, Number: 100},
	}}
	require.NoError(t, e.AddCall(b, call, 2))
	v := b.View(nil)
	near := func(want float64, x phasor.Vector, what string) {
		t.Helper()
		require.InDelta(t, want, v.Weight(x), 4*v.Noise(), what)
	}
	near(2, c.Bound(nil, phasor.Tool, "send_money"), "tool")
	near(2, c.Bound(nil, phasor.ArgName, "to"), "name")
	near(2, c.Bound(nil, phasor.ArgValue, "to", "DE89 3704"), "value")
	near(2, c.Bound(nil, phasor.Outcome, "done"), "outcome")
	near(0, c.Bound(nil, phasor.ArgValue, "DE89 3704", "to"), "turned round")
	near(0, c.Bound(nil, phasor.ArgValue, "amount", "DE89 3704"), "under another name")
	near(0, c.Bound(nil, phasor.Outcome, "send_money"), "in another role")
	for _, x := range []float64{100, 105, 150} {
		n, err := c.BoundNumber(nil, "amount", axis, x)
		require.NoError(t, err)
		near(2*math.Exp(-(x-100)*(x-100)/50), n, fmt.Sprint(x))
	}
	require.Equal(t, c.Role(phasor.Tool), c.Bound(nil, phasor.Tool))

	before := form(t, b)
	call.Args[1].Number = math.NaN()
	require.ErrorContains(t, e.AddCall(b, call, 1), `argument "amount"`)
	foreign, err := book(t, 64).Axis("euro", 5)
	require.NoError(t, err)
	call.Args[1].Axis = foreign
	require.ErrorIs(t, e.AddCall(b, call, 1), phasor.ErrBook)
	require.ErrorIs(t, e.AddCall(book(t, 64).Bundle(), call, 1), phasor.ErrBook)
	require.ErrorContains(t, e.AddCall(b, phasor.Call{Tool: "x"}, 300), "weight")
	require.Equal(t, before, form(t, b))
}

func TestAppendWords(t *testing.T) {
	require.Equal(t, []string{"0", "Zahle", "12", "50", "für", "e\u0301te\u0301", "ﬁn"},
		phasor.AppendWords([]string{"0"}, "  Zahle 12.50 für e\u0301te\u0301!\xff ﬁn"))
	require.Empty(t, phasor.AppendWords(nil, " .,\n"))
}
