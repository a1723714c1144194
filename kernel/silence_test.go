package kernel_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/phase"
)

// tick lets silence last until at and returns the fields that it changed.
func (f *feeder) tick(at int64) []kernel.FieldOutput {
	require.NoError(f.t, f.k.Apply(&kernel.Input{Kind: kernel.KindTick, At: at}, &f.out))
	return f.out.Fields
}

func state(k *kernel.Kernel) gate.State { return k.Fields()[0].State }

// An hour of silence opens nothing, and what was open closes exactly at the deadline.
func TestSilence(t *testing.T) {
	for name, sigma := range map[string]float64{"open": .1, "shut": 9} {
		t.Run(name, func(t *testing.T) {
			f := warm(t, sigma)
			before := state(f.k)
			last := f.in.At
			deadline, ok := f.k.Deadline()
			require.True(t, ok)
			require.Equal(t, last+int64(600*time.Millisecond), deadline)
			require.Empty(t, f.tick(deadline-1))
			require.Equal(t, before, state(f.k))
			changed := f.tick(deadline)
			require.Len(t, changed, 1)
			require.Equal(t, gate.Stale, changed[0].State)
			require.Equal(t, deadline, changed[0].T, "silence runs on both clocks alike")
			_, ok = f.k.Deadline()
			require.False(t, ok)
			for at := deadline; at <= last+int64(time.Hour); at += int64(time.Minute) {
				require.Empty(t, f.tick(at))
			}
			// The first sample after the hour finds empty windows.
			o := f.phasor(last+int64(time.Hour)+1, 1)
			require.Equal(t, gate.Warmup, o.State)
			require.Less(t, o.Emissary.Mass, 1.1)
		})
	}
}

// With a greater pseudo-mass silence releases a collapse before it is stale, at the instant that Deadline says.
func TestSilenceReleases(t *testing.T) {
	cfg := kernel.DefaultConfig()
	cfg.Fields[0].Gate.StaleAfter = time.Minute
	r := rand.New(rand.NewPCG(1, 1))
	f := feed(t, newKernel(t, cfg))
	for i := range int64(2000) {
		f.phasor(i*ms, jittered(r, .1))
	}
	require.Equal(t, gate.Collapsed, state(f.k))
	deadline, ok := f.k.Deadline()
	require.True(t, ok)
	require.Less(t, deadline, 1999*ms+int64(2*time.Second))
	require.Empty(t, f.tick(deadline-1))
	changed := f.tick(deadline)
	require.Len(t, changed, 1)
	require.Equal(t, gate.Dissipating, changed[0].State)
	next, ok := f.k.Deadline()
	require.True(t, ok)
	require.Equal(t, 1999*ms+int64(time.Minute), next)
}

// Event time may be of any epoch and stand for itself: silence is measured on the node's clock.
func TestEventTimeIsItsOwn(t *testing.T) {
	for _, epoch := range []int64{math.MinInt64 + 5, -1e18, 0, math.MaxInt64 - 2e9} {
		r := rand.New(rand.NewPCG(3, 3))
		f := feed(t, newKernel(t, kernel.DefaultConfig()))
		for i := range int64(1000) {
			f.x[0] = jittered(r, .1)
			f.in.At, f.in.Sample.T = 7*i, epoch+i*ms // played back far faster than it happened
			require.NoError(t, f.k.Apply(&f.in, &f.out))
		}
		require.Equal(t, gate.Collapsed, state(f.k), "epoch %d", epoch)
		changed := f.tick(7*999 + int64(time.Hour))
		require.Len(t, changed, 1)
		require.Equal(t, gate.Stale, changed[0].State)
	}
}

// A late sample counts as if it had come in time; a repeated one, and one too old to be told from a
// repetition, do not count.
func TestLateAndRepeated(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	z := make([]complex128, 400)
	for i := range z {
		z[i] = jittered(r, .3)
	}
	cfg := kernel.DefaultConfig()
	cfg.Fields[0].MotionFloor = 0          // motion is measured in the order of arrival,
	cfg.Fields[0].Input.Correlation = 1.01 // and so is the onset of a signal
	a, b := feed(t, newKernel(t, cfg)), feed(t, newKernel(t, cfg))
	at := int64(0)
	put := func(f *feeder, i int) {
		at++
		f.x[0], f.in.At, f.in.Sample.T = z[i], at, int64(i)*ms
		require.NoError(t, f.k.Apply(&f.in, &f.out))
	}
	for i := range z {
		put(a, i)
		if i%3 != 1 {
			put(b, i)
			put(b, i) // repeated
		}
		if i%3 == 2 {
			put(b, i-1) // late
		}
	}
	put(b, 399-63)
	put(b, 10)
	va, vb := a.k.Fields()[0], b.k.Fields()[0]
	require.Equal(t, kernel.Counts{Samples: 400}, va.Counts)
	require.Equal(t, kernel.Counts{Samples: 400, Repeated: 268, Late: 1}, vb.Counts)
	require.InDelta(t, va.Master.Mass, vb.Master.Mass, 1e-9)
	require.InDelta(t, va.Sync.T2, vb.Sync.T2, 1e-12)
	require.InDelta(t, va.Sync.Nu, vb.Sync.Nu, 1e-9)
}

// Two channels may be two copies of one: together they are worth no more evidence than one.
func TestChannelsAreNotIndependent(t *testing.T) {
	f := feed(t, newKernel(t, kernel.DefaultConfig()))
	r := rand.New(rand.NewPCG(5, 5))
	for i := range int64(1000) {
		z := jittered(r, .1)
		for _, ch := range []string{"a", "b"} {
			f.in.Channel = ch
			f.phasor(i*ms, z)
		}
		if i == 20 {
			require.NotEqual(t, gate.Collapsed, state(f.k), "42 samples, 21 of them copies")
		}
	}
	v := f.k.Fields()[0]
	require.Equal(t, gate.Collapsed, v.State)
	require.Equal(t, []string{"a", "b"}, v.Channels)
	require.Less(t, v.LnSR, 5.0, "the detector heard no channel but the first")
}

// What is wrong with one sample is said once, counted, and harms nothing.
func TestRefusedSamples(t *testing.T) {
	f := warm(t, .1)
	at := f.in.At
	before, err := f.k.AppendBinary(nil)
	require.NoError(t, err)
	for want, in := range map[string]kernel.Input{
		"not finite":      {Sample: phase.Sample{Form: phase.Phasor, X: []complex128{complex(math.NaN(), 0)}}},
		"want 1":          {Sample: phase.Sample{Form: phase.Phasor, X: []complex128{1, 1}}},
		"form 0":          {},
		"input.form real": {Sample: phase.Sample{Form: phase.Real, R: []float64{1}}},
		"an omega":        {Sample: phase.Sample{Form: phase.Event}},
		"channel: 257":    {Channel: string(make([]byte, 257))},
	} {
		in.Kind, in.At, in.Sample.T = kernel.KindSample, at, at+1
		require.ErrorContains(t, f.k.Apply(&in, &f.out), want)
		require.Empty(t, f.out.Fields)
	}
	require.ErrorContains(t, f.k.Apply(&kernel.Input{Kind: kernel.KindTick, At: at - 1}, &f.out), "before the newest")
	require.ErrorContains(t, f.k.Apply(&kernel.Input{At: at}, &f.out), "kind 0")
	require.Equal(t, uint64(5), f.k.Fields()[0].Counts.Refused)
	require.Equal(t, gate.Collapsed, state(f.k))
	after, err := f.k.AppendBinary(nil)
	require.NoError(t, err)
	require.Len(t, after, len(before))

	cfg := kernel.DefaultConfig()
	cfg.Fields[0].Channels = []string{"a"}
	k := newKernel(t, cfg)
	err = k.Apply(&kernel.Input{Kind: kernel.KindSample, Channel: "b"}, &f.out)
	require.ErrorIs(t, err, kernel.ErrUnheard)
}
