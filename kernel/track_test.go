package kernel_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

// drifting runs a field at 1 kHz on a phase that turns at hz with jitter, for so many samples, and
// returns whether it ever collapsed, and the kernel.
func drifting(t *testing.T, track time.Duration, hz, jitter float64, n int) (collapsed bool, k *kernel.Kernel) {
	t.Helper()
	cfg := kernel.DefaultConfig()
	cfg.Fields[0].Track = track
	k, err := kernel.New(cfg)
	require.NoError(t, err)
	r := signal.Rand(11)
	var out kernel.Output
	for i := range n {
		angle := 2*math.Pi*hz*float64(i)/1000 + jitter*r.Gauss()
		if jitter < 0 {
			angle = r.Phase()
		}
		in := kernel.Input{Kind: kernel.KindSample, At: int64(i), Channel: "c",
			Sample: phase.Sample{T: int64(i) * 1e6, Form: phase.Angle, R: []float64{angle}}}
		require.NoError(t, k.Apply(&in, &out))
		collapsed = collapsed || out.Fields[len(out.Fields)-1].State == gate.Collapsed
	}
	return collapsed, k
}

// A line that stands 4 rad/s beside omega is beyond the 1.15 rad/s that a window of 200 ms takes
// (KERNEL.md 1.6). A loop that follows it holds it; of noise it makes nothing; its state is restored.
func TestTrackingFollowsADrift(t *testing.T) {
	const beside = 4 / (2 * math.Pi)
	_, plain := drifting(t, 0, beside, .1, 20_000)
	require.NotEqual(t, gate.Collapsed, plain.Fields()[0].State, "|T|² %v", plain.Fields()[0].Sync.T2)
	_, tracked := drifting(t, 20*time.Millisecond, beside, .1, 20_000)
	require.Equal(t, gate.Collapsed, tracked.Fields()[0].State, "|T|² %v", tracked.Fields()[0].Sync.T2)

	collapsed, _ := drifting(t, 20*time.Millisecond, 0, -1, 200_000)
	require.False(t, collapsed, "noise")

	state, err := tracked.AppendBinary(nil)
	require.NoError(t, err)
	cfg := kernel.DefaultConfig()
	cfg.Fields[0].Track = 20 * time.Millisecond
	again, err := kernel.New(cfg)
	require.NoError(t, err)
	require.NoError(t, again.UnmarshalBinary(state))
	copied, err := again.AppendBinary(nil)
	require.NoError(t, err)
	require.Equal(t, state, copied)
}
