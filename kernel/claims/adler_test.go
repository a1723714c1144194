package claims

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
)

// driven returns T, against the driver, of an oscillator detuned by dw that is forced with strength k:
// θ' = dw - k·sin θ, Runge-Kutta steps of 1/512 rad/k, over whole beats where it does not lock.
func driven(t *testing.T, dw, k float64) kairos.Resonance {
	t.Helper()
	slope := func(th float64) float64 { return dw - k*math.Sin(th) }
	settle, n, h := 60_000, 20_000, 1/(512*k)
	if dw > k {
		beat := 2 * math.Pi / math.Sqrt(dw*dw-k*k)
		n = 4096
		h = beat / float64(n)
		settle = 0 // it is periodic from the start
	}
	g := integrator(t, kairos.Config{Window: kairos.Rectangular})
	th := 0.0
	for i := range settle + n {
		if i >= settle {
			if _, err := g.Step(&phase.Point{T: int64(i), U: []complex128{turn(th / (2 * math.Pi))}, Weight: 1}); err != nil {
				t.Fatal(err)
			}
		}
		a := slope(th)
		b := slope(th + h/2*a)
		c := slope(th + h/2*b)
		d := slope(th + h*c)
		th += h / 6 * (a + 2*b + 2*c + d)
	}
	return g.Read()
}

// TestCase09AdlerLocking: external forcing does create synchronisation. Within |dw| <= K the phase locks
// and T is 1 at arcsin(dw/K); outside it beats, and |T| is (dw-sqrt(dw²-K²))/K, not 0.
func TestCase09AdlerLocking(t *testing.T) {
	type row struct {
		DW, K  float64
		Locked bool
		PLV    float64  `json:"plv_theory"`
		Phase  *float64 `json:"lock_phase"`
		Beat   *float64
	}
	var rows []row
	for _, dw := range []float64{.1, .5, .9, 1.1, 1.5, 2, 5} {
		r := row{DW: dw, K: 1, Locked: dw <= 1, PLV: 1}
		if r.Locked {
			at := math.Asin(dw)
			r.Phase = &at
		} else {
			beat := math.Sqrt(dw*dw - 1)
			r.Beat, r.PLV = &beat, dw-beat
		}
		rows = append(rows, r)
	}
	var c struct {
		Cases     []row
		Tolerance float64
	}
	if cases.Read(t, "09_adler_forcing.json", &c) {
		require.Len(t, c.Cases, 6)
		require.Equal(t, 1e-6, c.Tolerance)
		rows = append(rows, c.Cases...)
	}
	for _, v := range rows {
		got := driven(t, v.DW, v.K)
		require.InDelta(t, v.PLV, cmplx.Abs(got.T), 1e-6, v)
		require.Equal(t, v.Locked, v.Beat == nil)
		if v.Locked {
			require.InDelta(t, *v.Phase, got.Psi, 1e-6, v)
		} else {
			require.InDelta(t, math.Sqrt(v.DW*v.DW-v.K*v.K), *v.Beat, 1e-12, v)
		}
	}
}
