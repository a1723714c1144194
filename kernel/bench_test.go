package kernel_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/gate"
)

// One channel, both pathways, eight levels of Master, evidence and gate: no allocation, coherent or not.
func TestStepDoesNotAllocate(t *testing.T) {
	for _, sigma := range []float64{.1, 9} {
		f := warm(t, sigma)
		at := f.in.At
		require.Zero(t, testing.AllocsPerRun(2000, func() {
			at += ms
			f.in.At, f.in.Sample.T = at, at
			if err := f.k.Apply(&f.in, &f.out); err != nil {
				t.Fatal(err)
			}
		}))
	}
}

// warm returns a field that has heard 5 s of a signal of jitter sigma.
func warm(t testing.TB, sigma float64) *feeder {
	r := rand.New(rand.NewPCG(1, 2))
	f := feed(t, newKernel(t, kernel.DefaultConfig()))
	for i := range int64(5000) {
		o := f.phasor(i*ms, jittered(r, sigma))
		if i == 4999 {
			require.Equal(t, sigma < 1, o.State == gate.Collapsed)
		}
	}
	return f
}

func BenchmarkStep(b *testing.B) {
	for name, sigma := range map[string]float64{"coherent": .1, "noise": 9} {
		b.Run(name, func(b *testing.B) {
			f := warm(b, sigma)
			r := rand.New(rand.NewPCG(3, 4))
			var phasors [1024]complex128
			for i := range phasors {
				phasors[i] = jittered(r, sigma)
			}
			at := f.in.At
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				at += ms
				f.in.At, f.in.Sample.T, f.x[0] = at, at, phasors[i%1024]
				if err := f.k.Apply(&f.in, &f.out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFieldLine(b *testing.B) {
	f := warm(b, .1)
	o := f.out.Fields[0]
	dst := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		dst = o.AppendJSON(dst[:0])
	}
}
