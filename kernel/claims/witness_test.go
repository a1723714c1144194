package claims

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/observer"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

// witnessed runs the observer on every so many updates of two leaky windows of 10·tau and tau samples that
// hear phases of jitter sigma, and returns the share of each verdict on the parts of their resonances.
func witnessed(t *testing.T, tau, every int, sigma float64) map[observer.Reason]float64 {
	t.Helper()
	const blocks = 40
	slow := integrator(t, kairos.Config{Tau: time.Duration(10 * tau)})
	fast := integrator(t, kairos.Config{Tau: time.Duration(tau)})
	o, err := observer.New(observer.Config{})
	require.NoError(t, err)
	r := signal.Rand(13)
	share, judged := map[observer.Reason]float64{}, 0.0
	u, settle := make([]complex128, 1), 100*tau
	for k := range settle + (blocks+4)*256*every {
		u[0] = turn(sigma * r.Gauss() / (2 * math.Pi))
		p := phase.Point{T: int64(k), U: u, Weight: 1}
		m, err := slow.Step(&p)
		require.NoError(t, err)
		e, err := fast.Step(&p)
		require.NoError(t, err)
		if k < settle || k%every != 0 {
			continue
		}
		y := observer.Observation{At: int64(k), Master: m.T, Emissary: e.T, Cost: 400, Jitter: int64(1e4 * r.Gauss())}
		require.NoError(t, o.Observe(y))
		if n := k / every; n%256 != 0 {
			continue
		}
		report := o.Report()
		for i := observer.MasterRe; report.Blocks > 4 && i <= observer.EmissaryIm; i++ {
			share[report.One[i].Fit.Verdict]++
			judged++
		}
	}
	for reason := range share {
		share[reason] /= judged
	}
	require.GreaterOrEqual(t, judged, 4.0*(blocks-1))
	return share
}

// TestWitnessOnTheKernelsOwnWords: of a resonance that is looked at every 32 updates the observer's
// predictions are calibrated, in noise and in coherence. Looked at every time it says that they are not:
// one step of T is one bounded phasor, which no normal law describes.
func TestWitnessOnTheKernelsOwnWords(t *testing.T) {
	for _, sigma := range []float64{10, .5, .1} {
		for _, tau := range []int{20, 200} {
			got := witnessed(t, tau, 32, sigma)
			require.Greater(t, got[observer.Calibrated], .95, "sigma %v tau %d: %v", sigma, tau, got)
		}
	}
	got := witnessed(t, 200, 1, 10)
	require.Greater(t, got[observer.Misshapen], .95, "%v", got)
}
