package transducer_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/transducer"
)

// A pathway of one channel takes at most 4 KiB, so that a million of each fit into 8 GB: both pathways
// with the defaults of a field, the Master with a level at each factor of 4 up to an hour.
func TestPathwaysAreSmall(t *testing.T) {
	const n = 2000
	masters, emissaries := make([]*transducer.Master, n), make([]*transducer.Emissary, n)
	master := perOne(t, n, func(i int) {
		m, err := transducer.NewMaster(transducer.MasterConfig{Tau: 200 * time.Millisecond, Ratio: 4,
			Levels: transducer.Levels(200*time.Millisecond, time.Hour, 4), N0: .25, Horizon: time.Second,
			Emissary: 200 * time.Millisecond, Threshold: .95, Release: .9, MinMass: 3})
		require.NoError(t, err)
		masters[i] = m
	})
	emissary := perOne(t, n, func(i int) {
		e, err := transducer.NewEmissary(transducer.EmissaryConfig{Tau: 200 * time.Millisecond, N0: .25, Horizon: time.Second})
		require.NoError(t, err)
		emissaries[i] = e
	})
	t.Logf("master %d bytes, emissary %d bytes", master, emissary)
	require.LessOrEqual(t, master, uint64(4096))
	require.LessOrEqual(t, emissary, uint64(4096))
	runtime.KeepAlive(masters)
	runtime.KeepAlive(emissaries)
}

// perOne returns the heap that each of n takes.
func perOne(t *testing.T, n int, add func(i int)) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range n {
		add(i)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	return (after.HeapAlloc - before.HeapAlloc) / uint64(n)
}
