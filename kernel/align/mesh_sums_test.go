package align_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/align"
	"github.com/becomingone/becomingone/kernel/signal"
)

func TestNewSums(t *testing.T) {
	r := signal.Rand(2)
	for range 5000 {
		w := math.Pow(2, 40*r.Float64()-9)
		s := r.Circle() * complex(w, 0) // the rim, where rounding could leave the disc
		q := w * r.Float64()
		v, err := align.NewSums(s, w, q)
		require.NoError(t, err)
		require.InDelta(t, 0, cmplx.Abs(v.Resonance()-s/complex(w, 0)), 3e-9/min(w, 1)+1e-14)
		require.InEpsilon(t, w*w/q, v.Nu(), 3e-9/min(q, 1)+1e-12)
	}
	for _, bad := range []struct {
		s    complex128
		w, q float64
	}{{2, 1, 1}, {0, -1, 0}, {0, 1, 2}, {0, math.NaN(), 0}, {cmplx.NaN(), 1, 1}, {0, 1, math.NaN()}, {0, 3e9, 1}} {
		_, err := align.NewSums(bad.s, bad.w, bad.q)
		require.ErrorContains(t, err, "align: sums", bad)
	}
	v, err := align.NewSums(0, 0, 0)
	require.NoError(t, err)
	require.Zero(t, v.Resonance())
	require.Zero(t, v.Nu())
}

// Whatever a peer sends: no panic, |T| <= 1, and no more weight than its time and rate.
func FuzzHear(f *testing.F) {
	f.Add(int64(1<<29), int64(0), int64(1<<30), int64(1<<30), int64(second), int64(second))
	f.Add(int64(-1<<63), int64(1<<62), int64(1<<61), int64(1), int64(-1<<63), int64(1<<63-1))
	f.Add(int64(0), int64(-1<<61), int64(1<<61), int64(1), int64(7), int64(9))
	f.Fuzz(func(t *testing.T, re, im, w, q, at, now int64) {
		m := newMesh(t, 2, nil)
		r := align.Report{Seq: 1, T: at, Sums: align.Sums{Re: re, Im: im, W: w, Q: q}}
		_, err := m.Hear(id(0), &r, now)
		require.Equal(t, err == nil, heard(m, now))
		g := m.Read(now)
		require.LessOrEqual(t, cmplx.Abs(g.Pooled), 1+1e-15)
		require.LessOrEqual(t, cmplx.Abs(g.Center.At), 1+1e-12)
		if g.Peers > 0 {
			require.LessOrEqual(t, g.Nu, 1000e-9*float64(now)*(1+1e-9)+1e-9)
			require.LessOrEqual(t, g.Mass, 1000e-9*float64(now)*(1+1e-9)+1e-9)
			require.LessOrEqual(t, g.Mass, g.Nu*(1+1e-6), "weights above 1")
		}
	})
}

func heard(m *align.Mesh, now int64) bool {
	s, _ := m.Standing(id(0), now)
	return s.Heard
}

func TestCapWeights(t *testing.T) {
	for _, c := range []struct {
		in, want []float64
		limit    float64
	}{
		{[]float64{1, 1, 2}, []float64{.25, .25, .5}, 1},
		{[]float64{1, 1, 2, 1e300}, []float64{1. / 6, 1. / 6, 1. / 3, 1. / 3}, 1. / 3},
		{[]float64{5, 0, -1, math.NaN(), 3}, []float64{.5, 0, 0, 0, .5}, 1. / 3},
		{[]float64{7, 1, 1, 1, 1, 1}, []float64{1. / 3, 2. / 15, 2. / 15, 2. / 15, 2. / 15, 2. / 15}, 1. / 3},
		{[]float64{math.Inf(1), 0}, []float64{0, 0}, 1},
		{nil, nil, 1},
	} {
		align.CapWeights(c.in, c.limit)
		require.InDeltaSlice(t, c.want, c.in, 1e-12)
	}
}

func TestMeshAllocatesNothing(t *testing.T) {
	m, step := running(t, 16)
	require.Zero(t, testing.AllocsPerRun(200, step))
	require.True(t, m.Read(second).Quorum)
}

// running returns a mesh of n peers and a step in which each is heard and the whole is read.
func running(t testing.TB, n int) (*align.Mesh, func()) {
	m := newMesh(t, n, func(c *align.MeshConfig) { c.F = (n - 1) / 3 })
	r := signal.Rand(1)
	windows := make([]align.Sums, 64*n)
	for k := range windows {
		windows[k] = window(&r, 50, 1, .4)
	}
	seq := uint64(0)
	return m, func() {
		seq++
		for k := range n {
			rep := align.Report{Epoch: 1, Seq: seq, T: second, Sums: windows[(seq*uint64(n)+uint64(k))%uint64(len(windows))]}
			if _, err := m.Hear(id(k), &rep, second); err != nil {
				t.Fatal(err)
			}
		}
		m.Read(second)
	}
}

func BenchmarkMesh(b *testing.B) {
	for _, n := range []int{4, 16} {
		b.Run(fmt.Sprintf("round/n=%d", n), func(b *testing.B) {
			_, step := running(b, n)
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
		})
		b.Run(fmt.Sprintf("read/n=%d", n), func(b *testing.B) {
			m, step := running(b, n)
			step()
			b.ReportAllocs()
			for b.Loop() {
				m.Read(second)
			}
		})
	}
}

func ExampleSums() {
	var phone, laptop, both align.Sums
	for k := range 100 {
		u := cmplx.Rect(1, .01*float64(k*k))
		both.Add(u)
		if k%3 == 0 {
			phone.Add(u)
		} else {
			laptop.Add(u)
		}
	}
	sum := align.Sums{Re: phone.Re + laptop.Re, Im: phone.Im + laptop.Im, W: phone.W + laptop.W, Q: phone.Q + laptop.Q}
	fmt.Println(sum == both)
	// Output: true
}
