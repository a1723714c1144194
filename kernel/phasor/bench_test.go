package phasor_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/phasor"
)

// prose is 10 kB of words with the frequencies of a language.
func prose() (words []string) {
	size := 0
	for _, w := range text(4000, 1) {
		if size += len(w) + 2; size > 10_000 {
			break
		}
		words = append(words, w)
	}
	return words
}

func distinct(words []string) int {
	seen := map[string]bool{}
	for _, w := range words {
		seen[w] = true
	}
	return len(seen)
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	c := book(t, 256)
	e, pairs := encoder(t, c, 1), encoder(t, c, 3)
	words := text(3000, 2)
	b := c.Bundle()
	b.Advance(13 * phasor.HalfLife)
	v := b.View(nil)
	weights := make([]float64, 0, len(words))
	idf := func(w string) float64 { return phasor.IDF(10, 1) }
	bound := make(phasor.Vector, c.Dims())
	call := phasor.Call{Tool: "w1", Args: []phasor.Arg{{Name: "w2", Value: "w3"}}}
	x, y := c.Atom(words[0]), c.Atom(words[1])
	for name, f := range map[string]func(){
		"similarity": func() { phasor.Similarity(x, y) },
		"bind":       func() { phasor.Bind(bound, x, y) },
		"atom":       func() { c.Atom(words[7]) },
		"add":        func() { require.NoError(t, b.Add(x, 1)) },
		"late":       func() { require.NoError(t, b.AddAt(phasor.HalfLife, x, 1)) },
		"absorb":     func() { require.NoError(t, e.Absorb(b, words, idf)) },
		"trigrams":   func() { require.NoError(t, pairs.Absorb(b, words, nil)) },
		"view":       func() { b.View(v) },
		"weight":     func() { v.Weight(x) },
		"chance":     func() { v.LnChance(x) },
		"weigh": func() {
			_, err := e.Weigh(weights, v, words)
			require.NoError(t, err)
		},
		"call": func() {
			require.NoError(t, e.AddCall(b, call, 1))
		},
	} {
		require.Zero(t, testing.AllocsPerRun(20, f), name)
	}
}

func perDim(b *testing.B, dims int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(dims), "ns/dim")
}

func BenchmarkVector(b *testing.B) {
	for _, d := range []int{256, 2048, 16384} {
		c := book(b, d)
		x, y, dst := c.Atom("x"), c.Atom("y"), make(phasor.Vector, d)
		bundle := c.Bundle()
		require.NoError(b, bundle.Add(x, 1))
		view := bundle.View(nil)
		for _, op := range []struct {
			name string
			f    func()
		}{
			{"Similarity", func() { phasor.Similarity(x, y) }},
			{"Bind", func() { phasor.Bind(dst, x, y) }},
			{"Add", func() { _ = bundle.Add(x, 1) }},
			{"View", func() { bundle.View(view) }},
			{"Weight", func() { view.Weight(x) }},
			{"Against", func() { _, _ = view.Against(view) }},
		} {
			b.Run(fmt.Sprintf("%s/D=%d", op.name, d), func(b *testing.B) {
				for b.Loop() {
					op.f()
				}
				perDim(b, d)
			})
		}
	}
}

// BenchmarkAbsorb reads 10 kB at D = 2048: words and n-grams with atoms at hand, and words never seen.
func BenchmarkAbsorb(b *testing.B) {
	words := prose()
	idf := func(w string) float64 { return phasor.IDF(100, uint64(len(w))) }
	for order := 1; order <= 3; order++ {
		b.Run(fmt.Sprintf("order=%d", order), func(b *testing.B) {
			c := book(b, 2048)
			e, bundle := encoder(b, c, order), c.Bundle()
			for b.Loop() {
				bundle.Advance(bundle.Age() + phasor.HalfLife)
				require.NoError(b, e.Absorb(bundle, words, idf))
			}
			b.ReportMetric(float64(len(words)), "words")
			b.ReportMetric(float64(distinct(words)), "distinct")
		})
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			c := book(b, 2048)
			require.NoError(b, encoder(b, c, 1).Absorb(c.Bundle(), words, idf))
		}
	})
	b.Run("sentence", func(b *testing.B) {
		c := book(b, 2048)
		e, bundle := encoder(b, c, 1), c.Bundle()
		for b.Loop() {
			bundle.Advance(bundle.Age() + phasor.HalfLife)
			require.NoError(b, e.Absorb(bundle, words[:20], idf))
		}
	})
	b.Run("weigh", func(b *testing.B) {
		c := book(b, 2048)
		e, bundle := encoder(b, c, 1), c.Bundle()
		require.NoError(b, e.Absorb(bundle, words[:200], idf))
		view, dst := bundle.View(nil), make([]float64, 0, len(words))
		for b.Loop() {
			_, err := e.Weigh(dst, view, words[:60])
			require.NoError(b, err)
		}
	})
}

func BenchmarkAtom(b *testing.B) {
	c, err := phasor.New(phasor.Config{Key: testKey, Atoms: 1})
	require.NoError(b, err)
	names := [2]string{"x", "y"}
	b.Run("cold", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			c.Atom(names[i&1])
		}
	})
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			c.Atom("x")
		}
	})
}
