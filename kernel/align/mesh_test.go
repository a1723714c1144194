package align_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/align"
	"github.com/becomingone/becomingone/kernel/signal"
)

const second = int64(time.Second)

func id(k int) (v align.PeerID) {
	v[0], v[31] = byte(k), byte(255-k)
	return v
}

func newMesh(t testing.TB, n int, change func(*align.MeshConfig)) *align.Mesh {
	t.Helper()
	cfg := align.DefaultMeshConfig()
	if change != nil {
		change(&cfg)
	}
	m, err := align.NewMesh(cfg)
	require.NoError(t, err)
	for k := range n {
		require.NoError(t, m.Admit(align.Peer{ID: id(k), Authenticated: true, Keyed: true, Rate: 1000}))
	}
	return m
}

// window collects n phasors of coherence exp(-sigma²/2) about the angle psi.
func window(r *signal.Rand, n int, psi, sigma float64) (s align.Sums) {
	for range n {
		s.Add(cmplx.Rect(1, psi+sigma*r.Gauss()))
	}
	return s
}

func hear(t testing.TB, m *align.Mesh, k int, seq uint64, at int64, s align.Sums) {
	t.Helper()
	news, err := m.Hear(id(k), &align.Report{Epoch: 1, Seq: seq, T: at, Sums: s}, at)
	require.NoError(t, err)
	require.True(t, news)
}

// Pooled is the resonance of all samples, to the bit.
func TestPooledIsTheResonanceOfTheSamples(t *testing.T) {
	r := signal.Rand(7)
	for trial := range 50 {
		n := 1 + trial%7
		m := newMesh(t, n, nil)
		var all align.Sums
		for k := range n {
			var s align.Sums
			for range 1 + r.Uint64()%900 {
				u := r.Circle()
				s.Add(u)
				all.Add(u)
			}
			hear(t, m, k, 1, second, s)
		}
		g := m.Read(second)
		require.Equal(t, all.Resonance(), g.Pooled)
		require.Equal(t, all.Nu(), g.Nu)
		require.Equal(t, n, g.Peers)
	}
}

type letter struct {
	peer int
	r    align.Report
}

// Reports heard late, twice and in any order end in the same bits.
func TestHearingIsAJoin(t *testing.T) {
	r := signal.Rand(11)
	var letters []letter
	for k := range 7 {
		for seq := range uint64(12) {
			s := window(&r, 40, .1*float64(k), .4)
			letters = append(letters, letter{k, align.Report{Epoch: 1 + seq/8, Seq: seq % 8, T: second + int64(seq)*1000, Sums: s}})
		}
	}
	forged := letters[11] // the newest of peer 0 in two versions: neither counts
	forged.r.Re /= 2
	letters = append(letters, forged)
	var want align.Global
	for trial := range 60 {
		m := newMesh(t, 7, nil)
		for pass := range 2 {
			for k := range letters {
				j := k + int(r.Uint64()%uint64(len(letters)-k))
				letters[k], letters[j] = letters[j], letters[k]
			}
			for _, l := range letters[:len(letters)-pass*40] {
				_, err := m.Hear(id(l.peer), &l.r, second+20_000)
				require.NoError(t, err)
			}
		}
		got := m.Read(second + 20_000)
		if trial == 0 {
			want = got
			require.Equal(t, 6, got.Peers)
		}
		require.Equal(t, want, got)
		s, ok := m.Standing(id(0), second+20_000)
		require.True(t, ok)
		require.True(t, s.Conflict)
		require.Zero(t, s.Weight)
	}
}

// f liars of 3f+1 that say whatever they like move the center by at most C·r.
func TestLiarsStayWithinTheBound(t *testing.T) {
	r := signal.Rand(23)
	worst := 0.0
	for trial := range 300 {
		f := 1 + trial%4
		n := 3*f + 1
		m := newMesh(t, n, func(c *align.MeshConfig) { c.F = f })
		psi, radius := r.Phase(), 0.0
		honest := make([]complex128, n-f)
		for k := range honest {
			s := window(&r, 100+int(r.Uint64()%900), psi, .3)
			honest[k] = s.Resonance()
			hear(t, m, f+k, 1, second, s)
		}
		z := mean(honest)
		for _, h := range honest {
			radius = max(radius, cmplx.Abs(h-z))
		}
		aim := cmplx.Rect(1, psi+math.Pi*r.Float64())
		for k := range f {
			w := 1e9 // samples, ten to the six more than it can have
			s, err := align.NewSums(aim*complex(w, 0)*cmplx.Rect(1, 1e-3*float64(k)), w, w)
			require.NoError(t, err)
			hear(t, m, k, 1, second, s)
		}
		g := m.Read(second)
		require.True(t, g.Quorum)
		require.LessOrEqual(t, g.Alpha, float64(f)/float64(2*f+1)+1e-12)
		err := cmplx.Abs(g.Center.At - z)
		require.LessOrEqual(t, err, g.C*radius)
		worst = max(worst, err/(g.C*radius))
		require.LessOrEqual(t, cmplx.Abs(g.Mean-z), 2*g.Alpha+radius)
		for k := range f {
			s, _ := m.Standing(id(k), second)
			require.LessOrEqual(t, s.Weight, 1000.5, "a second at 1 kHz")
			require.InEpsilon(t, 1e9, s.Nu, 1e-6)
		}
	}
	t.Logf("largest error %.2f of its bound", worst)
}

func mean(z []complex128) (sum complex128) {
	for _, v := range z {
		sum += v / complex(float64(len(z)), 0)
	}
	return sum
}

func TestWhoWeighsNothing(t *testing.T) {
	r := signal.Rand(3)
	s := window(&r, 500, 1, .2)
	for name, c := range map[string]struct {
		peer   align.Peer
		change func(*align.MeshConfig)
		at     int64
		weight float64
	}{
		"in order":         {align.Peer{Authenticated: true, Keyed: true, Rate: 1000}, nil, second, 500},
		"not keyed":        {align.Peer{Authenticated: true, Rate: 1000}, nil, second, 0},
		"admitted unkeyed": {align.Peer{Authenticated: true, Rate: 1000}, func(c *align.MeshConfig) { c.Unkeyed = true }, second, 500},
		"unknown link":     {align.Peer{Keyed: true, Rate: 1000}, nil, second, 0},
		"stale":            {align.Peer{Authenticated: true, Keyed: true, Rate: 1000}, nil, 5*second + 1, 0},
		"at the last":      {align.Peer{Authenticated: true, Keyed: true, Rate: 1000}, nil, 5 * second, 500},
		"just admitted":    {align.Peer{Authenticated: true, Keyed: true, Rate: 1000, Since: second}, nil, second, 0},
		"overclaims":       {align.Peer{Authenticated: true, Keyed: true, Rate: 100}, nil, second, 100},
		"half the time":    {align.Peer{Authenticated: true, Keyed: true, Rate: 100, Since: second / 2}, nil, second, 50},
	} {
		m := newMesh(t, 0, c.change)
		require.NoError(t, m.Admit(c.peer))
		_, err := m.Hear(c.peer.ID, &align.Report{Seq: 1, T: second, Sums: s}, second)
		require.NoError(t, err)
		got, ok := m.Standing(c.peer.ID, c.at)
		require.True(t, ok)
		require.InDelta(t, c.weight, got.Weight, 1e-6*c.weight, name)
		g := m.Read(c.at)
		require.Equal(t, c.weight > 0, g.Peers == 1, name)
		if c.weight > 0 {
			require.InDelta(t, 0, cmplx.Abs(s.Resonance()-g.Pooled), 1e-8, "%s: a cap keeps T", name)
			require.InDelta(t, c.weight, g.Nu, 1e-6*c.weight, name)
		} else {
			require.Zero(t, g.Pooled)
			require.True(t, math.IsInf(g.C, 1))
		}
	}
}

func TestHearRefuses(t *testing.T) {
	m := newMesh(t, 1, nil)
	ok := align.Sums{Re: 1 << 29, W: 1 << 30, Q: 1 << 30}
	for want, r := range map[error]align.Report{
		align.ErrReport: {Seq: 1, T: second, Sums: align.Sums{Re: 1<<30 + 1, W: 1 << 30, Q: 1 << 30}},
		align.ErrTime:   {Seq: 1, T: second + second/10 + 1, Sums: ok},
	} {
		_, err := m.Hear(id(0), &r, second)
		require.ErrorIs(t, err, want)
	}
	_, err := m.Hear(id(0), &align.Report{Seq: 1, T: second, Sums: ok}, 5*second+1)
	require.ErrorIs(t, err, align.ErrTime)
	_, err = m.Hear(id(9), &align.Report{Seq: 1, T: second, Sums: ok}, second)
	require.ErrorIs(t, err, align.ErrStranger)
	s, _ := m.Standing(id(0), second)
	require.Equal(t, align.Counts{Refused: 3}, s.Counts)
	require.True(t, m.Remove(id(0)))
	require.False(t, m.Remove(id(0)))
	require.ErrorContains(t, m.Admit(align.Peer{Rate: math.NaN()}), "rate NaN Hz")
	_, err = align.NewMesh(align.MeshConfig{F: -1})
	require.ErrorContains(t, err, "f -1")
}

// turned returns a copy of w, turned by an angle.
func turned(t *testing.T, w align.Sums, turn complex128) align.Sums {
	if turn == 1 {
		return w
	}
	mass := float64(w.W) / (1 << 30)
	s, err := align.NewSums(w.Resonance()*turn*complex(mass, 0), mass, mass)
	require.NoError(t, err)
	return s
}

// A node that hands on another's state, as it is or turned by an angle, counts as that other's echo.
func TestCopiedState(t *testing.T) {
	for _, turn := range []complex128{1, cmplx.Rect(1, .8)} {
		r := signal.Rand(31)
		m := newMesh(t, 4, func(c *align.MeshConfig) { c.LiveFloor = 1e-12 })
		var past []align.Sums
		for seq := range uint64(40) {
			at := second + int64(seq)*100_000_000
			for k := range 3 { // three that see the same thing, each with its own noise
				s := window(&r, 200, .3, .3)
				hear(t, m, k, seq, at, s)
				if k == 1 {
					past = append(past, s)
				}
			}
			if seq < 3 {
				continue
			}
			hear(t, m, 3, seq, at, turned(t, past[seq-3], turn))
			got, _ := m.Standing(id(3), at)
			if turn == 1 || seq >= 12 {
				require.True(t, got.Echo, "report %d", seq)
				require.Equal(t, id(1), got.EchoOf)
				require.Zero(t, got.Weight)
			}
		}
		for k := range 3 {
			s, _ := m.Standing(id(k), second+4*second)
			require.Zero(t, s.Echoes, "honest peers that agree are no echoes")
			require.False(t, s.Still)
			require.Positive(t, s.Weight)
		}
	}
}

// Two peers in a silence keep their phases while their windows run out: that is no copying.
func TestSilenceIsNoEcho(t *testing.T) {
	m := newMesh(t, 2, nil)
	for seq := range uint64(20) {
		for k, z := range []complex128{.9, .8i} {
			w := 300 * math.Exp(-.1*float64(seq)) * float64(k+1)
			s, err := align.NewSums(z*complex(w, 0), w, w/2)
			require.NoError(t, err)
			hear(t, m, k, seq, second+int64(seq)*100_000_000, s)
		}
	}
	require.Equal(t, 2, m.Read(3*second).Peers)
}

// A generator's phase moves evenly; with a floor it weighs nothing.
func TestStillPeer(t *testing.T) {
	for _, floor := range []float64{0, 1e-10} {
		m := newMesh(t, 1, func(c *align.MeshConfig) { c.LiveFloor = floor })
		var at int64
		for seq := range uint64(12) {
			at = second + int64(seq)*100_000_000
			s, err := align.NewSums(cmplx.Rect(50, .01*float64(seq)), 100, 100)
			require.NoError(t, err)
			hear(t, m, 0, seq, at, s)
		}
		s, _ := m.Standing(id(0), at)
		require.Equal(t, floor > 0, s.Still)
		require.Equal(t, floor == 0, s.Weight > 0)
	}
}

func ExampleMesh() {
	m, err := align.NewMesh(align.DefaultMeshConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	now := 10 * second
	for k, z := range []complex128{.9, .92, .91, -1} { // the last one lies, and boasts
		p := align.Peer{ID: id(k), Authenticated: true, Keyed: true, Rate: 100, Since: 0}
		w := []float64{800, 900, 850, 1e9}[k]
		s, err := align.NewSums(z*complex(w, 0), w, w)
		if err != nil {
			fmt.Println(err)
		}
		if err := m.Admit(p); err != nil {
			fmt.Println(err)
		}
		if _, err := m.Hear(p.ID, &align.Report{Seq: 1, T: now, Sums: s}, now); err != nil {
			fmt.Println(err)
		}
	}
	g := m.Read(now)
	fmt.Printf("center %.3f, mean %.3f, C %.2f, quorum %v\n", g.Center.At, g.Mean, g.C, g.Quorum)
	// Output: center (0.900+0.000i), mean (0.372+0.000i), C 1.09, quorum true
}
