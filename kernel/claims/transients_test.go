package claims

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
)

// tau is long, so that a step that is not a whole number of ns is rounded by less than 1e-13 of it.
const tau = 1e15

// mean returns two channels of unit phasors whose mean product with the clock is c, exactly 0 for 0.
func mean(c float64) []complex128 {
	s := math.Sqrt(1 - c*c)
	return []complex128{complex(c, s), complex(c, -s)}
}

// stage is a count of steps at a mean.
type stage struct {
	c float64
	n int
}

// after runs a leaky window, a step of dt tau at a time, on a mean of from until it knows nothing else, and
// then through the stages, and returns T. All steps are alike, as the window counts samples.
func after(t *testing.T, dt, from float64, stages ...stage) float64 {
	t.Helper()
	g := integrator(t, kairos.Config{Tau: time.Duration(tau), Pair: kairos.PairConfig{Dims: 2}})
	steps := 0
	for _, s := range append([]stage{{from, int(math.Ceil(40 / dt))}}, stages...) {
		u := mean(s.c)
		for range s.n {
			steps++
			at := int64(math.Round(float64(steps) * dt * tau))
			if _, err := g.Step(&phase.Point{T: at, U: u, Weight: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return real(g.Read().T)
}

// TestCase15Transients: |T| reaches and leaves a threshold, and heals, exactly when the closed forms say.
// Weights of a uniform stream sum to a geometric series, for which T = c·(1-exp(-t/tau)) has no step in it.
func TestCase15Transients(t *testing.T) {
	type row struct {
		Ic, C, Eps float64
		D          float64 `json:"d_over_tau"`
		At         float64 `json:"t_over_tau"`
	}
	var rise, fall, heal []row
	for _, ic := range []float64{.5, .8, .95} {
		for _, c := range []float64{1, .99, .98} {
			rise = append(rise, row{Ic: ic, C: c, At: -math.Log1p(-math.Sqrt(ic) / c)})
			fall = append(fall, row{Ic: ic, C: c, At: math.Log(c / math.Sqrt(ic))})
		}
	}
	for _, d := range []float64{.01, .1, 1} {
		for _, eps := range []float64{.1, .01, .001} {
			heal = append(heal, row{D: d, Eps: eps, At: max(0, math.Log(-2*math.Expm1(-d)/eps))})
		}
	}
	var file struct {
		Rise, Fall, Heal []row
		Tolerance        float64
	}
	if cases.Read(t, "15_transients.json", &file) {
		require.Equal(t, 1e-12, file.Tolerance)
		require.Equal(t, [3]int{9, 6, 9}, [3]int{len(file.Rise), len(file.Fall), len(file.Heal)})
		rise, fall, heal = append(rise, file.Rise...), append(fall, file.Fall...), append(heal, file.Heal...)
	}
	for _, v := range rise {
		require.InDelta(t, math.Sqrt(v.Ic), after(t, v.At/64, 0, stage{v.C, 64}), 1e-12, v)
	}
	for _, v := range fall {
		require.InDelta(t, math.Sqrt(v.Ic), after(t, v.At/64, v.C, stage{0, 64}), 1e-12, v)
	}
	for _, v := range heal {
		checkHeal(t, v.D, v.Eps, v.At)
	}
}

// checkHeal disturbs a window of T = 1 by the worst there is, -1, for d tau. The distance is then the bound
// itself, 2(1-exp(-d/tau))·exp(-t/tau), and eps at the time that the case names, which lies within half a
// step of the one looked at.
func checkHeal(t *testing.T, d, eps, at float64) {
	t.Helper()
	const n = 16
	dt := d / n
	gone := 1 - after(t, dt, 1, stage{-1, n})
	require.InDelta(t, -2*math.Expm1(-d), gone, 1e-12)
	if at == 0 {
		require.LessOrEqual(t, gone, eps, "it never was further away")
		return
	}
	k := math.Round(at / dt)
	left := 1 - after(t, dt, 1, stage{-1, n}, stage{1, int(k)})
	require.InDelta(t, eps, left*math.Exp(k*dt-at), 1e-12)
}
