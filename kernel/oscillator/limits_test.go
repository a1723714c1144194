package oscillator_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/signal"
)

// apply returns L·x.
func apply(l, x []float64) []float64 {
	out := make([]float64, len(x))
	for i := range out {
		for j, v := range x {
			out[i] += l[i*len(x)+j] * v
		}
	}
	return out
}

func size(x []float64) (sum float64) {
	mean := 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum)
}

func start(n int) []float64 {
	r := signal.Rand(8)
	x := make([]float64, n)
	for k := range x {
		x[k] = r.Gauss()
	}
	return x
}

// A step just below the limit settles, one just above does not, and the best one settles at its factor.
func TestStepLimits(t *testing.T) {
	for name, make := range graphs {
		g, err := make()
		require.NoError(t, err)
		s, l := g.Spectrum(), g.Laplacian()
		run := func(eps float64, rounds int) float64 {
			x := start(g.Nodes())
			from := size(x)
			for range rounds {
				for i, v := range apply(l, x) {
					x[i] -= eps * v
				}
			}
			return size(x) / from
		}
		require.Less(t, run(.99*s.MaxStep(), 1000), 1e-3, name)
		require.Greater(t, run(1.01*s.MaxStep(), 1000), 1e3, name)
		best, factor := s.BestStep()
		require.LessOrEqual(t, run(best, 60), math.Pow(factor, 60)*1.01+1e-13, name)
	}
}

// Delay below the limit settles; above it coupling tears apart what it should join.
func TestDelayLimit(t *testing.T) {
	for name, make := range graphs {
		g, err := make()
		require.NoError(t, err)
		s, l := g.Spectrum(), g.Laplacian()
		run := func(delay float64) float64 {
			const lag = 400
			dt := delay / lag
			past := [lag + 1][]float64{}
			for k := range past {
				past[k] = start(g.Nodes())
			}
			x := start(g.Nodes())
			from := size(x)
			for k := range 200 * lag {
				slot := k % (lag + 1)
				next := apply(l, past[(k+1)%(lag+1)])
				copy(past[slot], x)
				for i, v := range next {
					x[i] -= dt * v
				}
			}
			return size(x) / from
		}
		require.Less(t, run(.9*s.MaxDelay(1)), .1, name)
		require.Greater(t, run(1.1*s.MaxDelay(1)), 10., name)
	}
}
