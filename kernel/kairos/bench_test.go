package kairos_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

func BenchmarkStep(b *testing.B) {
	nco, err := phase.NewNCO(12.5)
	require.NoError(b, err)
	for _, v := range []struct {
		name   string
		cfg    kairos.Config
		jitter uint64
	}{
		{"leaky/uniform", kairos.Config{Tau: time.Second}, 1},
		{"leaky/irregular", kairos.Config{Tau: time.Second}, 100_000},
		{"leaky/omega", kairos.Config{Tau: time.Second, Pair: kairos.PairConfig{Omega: nco}}, 1},
		{"leaky/omega+lag", kairos.Config{Tau: time.Second, Pair: kairos.PairConfig{Omega: nco, Lag: 10 * time.Millisecond}}, 1},
		{"leaky/D=64", kairos.Config{Tau: time.Second, Pair: kairos.PairConfig{Dims: 64}}, 1},
		{"rect/1s", kairos.Config{Window: kairos.Rectangular, Tau: time.Second}, 1},
	} {
		b.Run(v.name, func(b *testing.B) {
			g, err := kairos.NewIntegrator(v.cfg)
			require.NoError(b, err)
			r := signal.Rand(1)
			d := max(v.cfg.Pair.Dims, 1)
			p := phase.Point{U: make([]complex128, d), V: make([]complex128, d), Weight: 1}
			if v.cfg.Pair.Lag > 0 {
				p.V = nil
			}
			for i := range p.U {
				p.U[i] = r.Circle()
			}
			b.ReportAllocs()
			for b.Loop() {
				p.T += 1_000_000 + int64(r.Uint64()%v.jitter)
				if _, err := g.Step(&p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBank(b *testing.B) {
	for _, levels := range []int{1, 11} {
		b.Run(fmt.Sprintf("levels=%d", levels), func(b *testing.B) {
			bank, err := kairos.NewBank(kairos.BankConfig{
				Tau: 50 * time.Millisecond, Ratio: 4, Levels: levels, Partner: 200 * time.Millisecond,
			})
			require.NoError(b, err)
			t := kairos.Term{P: 1, Ex: 1, Ey: 1, Weight: 1, Sign: 1}
			b.ReportAllocs()
			for b.Loop() {
				t.T += 1_000_000
				if err := bank.Add(t); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNaive recomputes the window of n samples for one sample: what O(1) is worth.
func BenchmarkNaive(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			r := signal.Rand(1)
			terms := make([]kairos.Term, n)
			weights := make([]float64, n)
			for i := range terms {
				terms[i] = kairos.Term{P: r.Circle(), Ex: 1, Ey: 1, Weight: 1, Sign: 1}
				weights[i] = r.Float64()
			}
			var s complex128
			var w, q, ex, ey float64
			for b.Loop() {
				s, w, q, ex, ey = 0, 0, 0, 0, 0
				for i := range terms {
					t, v := &terms[i], weights[i]
					s += complex(v*real(t.P), v*imag(t.P))
					w, q, ex, ey = w+v, q+v*v, ex+v*t.Ex, ey+v*t.Ey
				}
			}
			require.Positive(b, w+q+ex+ey+real(s)*0)
		})
	}
}
