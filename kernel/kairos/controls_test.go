package kairos_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

// A line stands out from the bins beside it, noise does not; decoy lags tell a lagged copy from noise.
func TestReplayControls(t *testing.T) {
	nco, err := phase.NewNCO(12.5)
	require.NoError(t, err)
	r := signal.Rand(3)
	line, err := kairos.NewReplay(kairos.ReplayConfig{Tau: time.Second, OmegaHz: -12.5, GuardBins: 8})
	require.NoError(t, err)
	noise, err := kairos.NewReplay(kairos.ReplayConfig{Tau: time.Second, OmegaHz: -12.5, GuardBins: 8})
	require.NoError(t, err)
	for k := range int64(3000) {
		at := k * 1e6
		require.NoError(t, line.Step(&phase.Sample{T: at, Form: phase.Phasor, X: []complex128{nco.Rotor(at)}}))
		require.NoError(t, noise.Step(&phase.Sample{T: at, Form: phase.Phasor, X: []complex128{r.Circle()}}))
	}
	guard, decoys := line.Controls()
	require.Equal(t, 8, guard.Decoy)
	require.Less(t, guard.LnP, -20.0)
	require.Zero(t, decoys.Decoy)
	guard, _ = noise.Controls()
	require.Greater(t, guard.LnP, -7.0)
}

func TestReplayDecoyLags(t *testing.T) {
	r := signal.Rand(5)
	x := make([]complex128, 3000)
	for k := range x {
		x[k] = r.Circle()
		if k >= 7 {
			x[k] = x[k-7] // coherent with itself at 7 ms and its multiples only
		}
	}
	p, err := kairos.NewReplay(kairos.ReplayConfig{Tau: time.Second, Lag: 7 * time.Millisecond,
		DecoyLags: []time.Duration{2 * time.Millisecond, 3 * time.Millisecond, 5 * time.Millisecond, 11 * time.Millisecond}})
	require.NoError(t, err)
	for k, z := range x {
		require.NoError(t, p.Step(&phase.Sample{T: int64(k) * 1e6, Form: phase.Phasor, X: []complex128{z}}))
	}
	_, decoys := p.Controls()
	require.Equal(t, 4, decoys.Decoy)
	require.Greater(t, decoys.Ratio, 2.0)

	_, err = kairos.NewReplay(kairos.ReplayConfig{Window: kairos.Rectangular, GuardBins: 8})
	require.ErrorContains(t, err, "want leaky")
}
