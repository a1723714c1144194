package kairos_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas/cblas128"
	"gonum.org/v1/gonum/floats"

	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

// The table of kernel/MATHS.md comes from this file:
//
//	go test -run '^$' -bench 'Leaky|Ladder|Channels|Naive|Gonum|Windows' -count 10 ./kernel/kairos

// circle is 1024 phasors of chance, so that what is measured is not their drawing.
func circle() []complex128 {
	r := signal.Rand(1)
	z := make([]complex128, 1024)
	for i := range z {
		z[i] = r.Circle()
	}
	return z
}

// BenchmarkLeaky is one channel against its reference, demodulated, summed in S, Ex, Ey, W, Q, A1 and A2, a
// sample a millisecond. Put is the update alone, Step reads T, nu and psi too.
func BenchmarkLeaky(b *testing.B) {
	nco, err := phase.NewNCO(12.5)
	require.NoError(b, err)
	for _, v := range []struct {
		name   string
		pair   kairos.PairConfig
		jitter int64
		read   bool
	}{
		{"Put", kairos.PairConfig{}, 0, false},
		{"Put/omega", kairos.PairConfig{Omega: nco}, 0, false},
		{"Put/omega/irregular", kairos.PairConfig{Omega: nco}, 4095, false},
		{"Put/omega/lag", kairos.PairConfig{Omega: nco, Lag: 10 * time.Millisecond}, 0, false},
		{"Put/omega/energy", kairos.PairConfig{Omega: nco, Reading: phase.ByEnergy}, 0, false},
		{"Step/omega", kairos.PairConfig{Omega: nco}, 0, true},
	} {
		b.Run(v.name, func(b *testing.B) {
			g, err := kairos.NewIntegrator(kairos.Config{Pair: v.pair, Tau: time.Second, N0: 1})
			require.NoError(b, err)
			feed(b, g, v.jitter, v.read)
		})
	}
}

// feed drives g with phasors of chance.
func feed(b *testing.B, g *kairos.Integrator, jitter int64, read bool) {
	z := circle()
	u, y := make([]complex128, 1), make([]complex128, 1)
	p := phase.Point{U: u, V: y, Weight: 1}
	sink, k := 0.0, 0
	p.T, _ = g.Newest()
	b.ReportAllocs()
	for b.Loop() {
		u[0], y[0] = z[k&1023], z[(k+1)&1023]
		p.T += 1_000_000 + int64(k)&jitter
		k++
		if read {
			r, err := g.Step(&p)
			if err != nil {
				b.Fatal(err)
			}
			sink += r.T2
		} else if err := g.Put(&p); err != nil {
			b.Fatal(err)
		}
	}
	require.NotEqual(b, -1.0, sink+g.Read().T2)
}

// BenchmarkLadder is eleven scales from 50 ms to 14.5 h, a term a millisecond, as staircase ladder and as
// bank of leaky windows.
func BenchmarkLadder(b *testing.B) {
	slot := kairos.LadderConfig{Slot: time.Millisecond}
	energy, partner := slot, slot
	energy.Reading, partner.Partner = phase.ByEnergy, 200*time.Millisecond
	z := circle()
	for _, v := range []struct {
		name string
		cfg  kairos.LadderConfig
	}{{"levels=11", slot}, {"levels=11/energy", energy}, {"levels=11/partner", partner}} {
		b.Run(v.name, func(b *testing.B) {
			l, err := kairos.NewLadder(v.cfg)
			require.NoError(b, err)
			t := kairos.Term{Ex: 1, Ey: 1, Weight: 1, Sign: 1}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				t.T += 1_000_000
				t.P = z[i&1023]
				if err := l.Put(&t); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("bank=11", func(b *testing.B) {
		k, err := kairos.NewBank(kairos.BankConfig{Tau: 50 * time.Millisecond, Ratio: 4, Levels: 11})
		require.NoError(b, err)
		t := kairos.Term{Ex: 1, Ey: 1, Weight: 1, Sign: 1}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			t.T += 1_000_000
			t.P = z[i&1023]
			if err := k.Put(&t); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("levels=11/Spectrum", func(b *testing.B) {
		l, err := kairos.NewLadder(slot)
		require.NoError(b, err)
		for k := range int64(10_000) {
			require.NoError(b, l.Add(kairos.Term{T: k * 1e6, P: 1, Ex: 1, Ey: 1, Weight: 1, Sign: 1}))
		}
		dst := make([]kairos.Resonance, 0, 11)
		b.ReportAllocs()
		for b.Loop() {
			l.Spectrum(dst, 1e10)
		}
	})
}

// BenchmarkChannels is D channels, each with its reference: in planes with a window each, and summed by the
// correlator into one.
func BenchmarkChannels(b *testing.B) {
	nco, err := phase.NewNCO(12.5)
	require.NoError(b, err)
	for _, d := range []int{1, 8, 64, 256, 1024} {
		r := signal.Rand(1)
		p := phase.Point{Weight: 1}
		for range d {
			p.U, p.V = append(p.U, r.Circle()), append(p.V, r.Circle())
		}
		b.Run(fmt.Sprintf("planes/D=%d", d), func(b *testing.B) {
			c, err := kairos.NewChannels(kairos.ChannelsConfig{Dims: d, Tau: time.Second, Omega: nco})
			require.NoError(b, err)
			var f kairos.Frame
			f.Take(&p)
			b.ReportAllocs()
			for b.Loop() {
				f.T += 1_000_000
				if err := c.Add(&f); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(d), "ns/channel")
		})
		b.Run(fmt.Sprintf("coherent/D=%d", d), func(b *testing.B) {
			g, err := kairos.NewIntegrator(kairos.Config{Tau: time.Second, Pair: kairos.PairConfig{Dims: d, Omega: nco}})
			require.NoError(b, err)
			q := p
			b.ReportAllocs()
			for b.Loop() {
				q.T += 1_000_000
				if err := g.Put(&q); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(d), "ns/channel")
		})
	}
}

// BenchmarkWindows is the update by the number of samples that the window remembers: it is to cost the same.
func BenchmarkWindows(b *testing.B) {
	for _, w := range []kairos.Window{kairos.Leaky, kairos.Staircase, kairos.Rectangular} {
		for _, n := range []time.Duration{1e3, 1e4, 1e5, 1e6, 1e7} {
			b.Run(fmt.Sprintf("%s/samples=%.0e", w, float64(n)), func(b *testing.B) {
				if w == kairos.Rectangular && n > 1e5 {
					b.Skip("a rectangular window keeps its samples: 56 bytes each")
				}
				g, err := kairos.NewIntegrator(kairos.Config{Window: w, Tau: n * time.Millisecond, N0: 1})
				require.NoError(b, err)
				if w == kairos.Rectangular {
					fill(b, g, 2*int64(n))
				}
				feed(b, g, 0, false)
			})
		}
	}
}

// fill brings a rectangular window to its length and its ring to its size.
func fill(b *testing.B, g *kairos.Integrator, n int64) {
	p := phase.Point{U: []complex128{1}, Weight: 1}
	for k := range n {
		p.T = k * 1e6
		require.NoError(b, g.Put(&p))
	}
}

// BenchmarkNaive recomputes the window of n samples for each sample, as the definition says: one pass over
// weights and products. At 3.6e6, an hour at 1 kHz, it is measured, not extrapolated.
func BenchmarkNaive(b *testing.B) {
	for _, n := range []int{1000, 100_000, 3_600_000} {
		b.Run(fmt.Sprintf("samples=%d", n), func(b *testing.B) {
			r := signal.Rand(1)
			re, im, weights := make([]float64, n), make([]float64, n), make([]float64, n)
			for i := range weights {
				z := r.Circle()
				re[i], im[i], weights[i] = real(z), imag(z), r.Float64()
			}
			var sr, si, w, q float64
			for b.Loop() {
				sr, si, w, q = 0, 0, 0, 0
				for i, v := range weights {
					sr, si = sr+v*re[i], si+v*im[i]
					w, q = w+v, q+v*v
				}
			}
			require.Positive(b, w+q)
			require.LessOrEqual(b, sr*sr+si*si, w*w)
		})
	}
}

// BenchmarkGonum is what one writes with gonum: the window anew by dot products, and the leaky update of D
// channels by vector operations.
func BenchmarkGonum(b *testing.B) {
	for _, n := range []int{1000, 100_000, 3_600_000} {
		b.Run(fmt.Sprintf("recompute/samples=%d", n), func(b *testing.B) {
			r := signal.Rand(1)
			re, im, weights := make([]float64, n), make([]float64, n), make([]float64, n)
			for i := range weights {
				z := r.Circle()
				re[i], im[i], weights[i] = real(z), imag(z), r.Float64()
			}
			var sum float64
			for b.Loop() {
				sum = floats.Dot(weights, re) + floats.Dot(weights, im) + floats.Sum(weights) + floats.Dot(weights, weights)
			}
			require.NotZero(b, sum)
		})
	}
	for _, d := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("leaky/D=%d", d), func(b *testing.B) {
			r := signal.Rand(1)
			x, y := make([]complex128, d), make([]complex128, d)
			for i := range x {
				x[i], y[i] = r.Circle(), r.Circle()
			}
			s := cblas128.Vector{N: d, Inc: 1, Data: make([]complex128, d)}
			p := cblas128.Vector{N: d, Inc: 1, Data: make([]complex128, d)}
			nco := phase.NCO{F: 1 << 37}
			var t int64
			b.ReportAllocs()
			for b.Loop() {
				t += 1_000_000
				for i := range p.Data {
					p.Data[i] = x[i] * complex(real(y[i]), -imag(y[i]))
				}
				cblas128.Scal(complex(0.999, 0), s)
				cblas128.Axpy(nco.Rotor(t), p, s)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(d), "ns/channel")
		})
	}
}
