package kairos_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

func channelWindows(t testing.TB, cfg kairos.ChannelsConfig) *kairos.Channels {
	t.Helper()
	c, err := kairos.NewChannels(cfg)
	require.NoError(t, err)
	return c
}

// TestChannelsAreWindows compares each channel with an integrator of its own, late frames and silence included.
func TestChannelsAreWindows(t *testing.T) {
	nco, err := phase.NewNCO(3.5)
	require.NoError(t, err)
	const d = 7
	cfg := kairos.ChannelsConfig{Dims: d, Tau: 90 * time.Millisecond, N0: 1, Omega: nco, Horizon: time.Hour}
	c := channelWindows(t, cfg)
	require.Equal(t, d, c.Dims())
	var alone []*kairos.Integrator
	for range d {
		g, err := kairos.NewIntegrator(kairos.Config{
			Tau: cfg.Tau, N0: 1, Pair: kairos.PairConfig{Omega: nco, Horizon: time.Hour},
		})
		require.NoError(t, err)
		alone = append(alone, g)
	}
	var f kairos.Frame
	for k, p := range draw(3, 300, d, phase.ByPhase, true) {
		if k%7 == 6 {
			p.T -= 12_000_000
		}
		if k%5 == 0 {
			p.V = nil
		}
		f.Take(&p)
		require.NoError(t, c.Add(&f))
		var mean, shrunk float64
		for i, g := range alone {
			q := phase.Point{T: p.T, U: p.U[i : i+1], Weight: p.Weight}
			if p.V != nil {
				q.V = p.V[i : i+1]
			}
			want, err := g.Step(&q)
			require.NoError(t, err)
			end, _ := c.Newest()
			got := c.ReadAt(i, end)
			require.InDelta(t, 0, norm(got.T-want.T)+norm(got.Ts-want.Ts), 1e-12)
			require.InDelta(t, want.W, got.W, 1e-12*want.W)
			require.InDelta(t, want.Q, got.Q, 1e-12*want.Q)
			require.Equal(t, want.N, got.N)
			require.InDelta(t, g.ReadAt(end+5e7).Ts2, c.ReadAt(i, end+5e7).Ts2, 1e-12)
			mean, shrunk = mean+want.T2/d, shrunk+want.Ts2/d
		}
		t2, nu, ts2 := c.Mean()
		require.InDelta(t, mean, t2, 1e-12)
		require.InDelta(t, shrunk, ts2, 1e-12)
		require.InDelta(t, alone[0].Read().Nu, nu, 1e-9)
	}
}

func norm(z complex128) float64 { return math.Hypot(real(z), imag(z)) }

// TestChannelsUnderChance: the mean over channels of |T|² has the mean 1/nu.
func TestChannelsUnderChance(t *testing.T) {
	const d, n = 16, 4000
	c := channelWindows(t, kairos.ChannelsConfig{Dims: d, Tau: 10})
	r := signal.Rand(5)
	p := phase.Point{U: make([]complex128, d), V: make([]complex128, d), Weight: 1}
	var f kairos.Frame
	var sum, want float64
	for k := range n * 20 {
		p.T = int64(k)
		for i := range d {
			p.U[i], p.V[i] = r.Circle(), r.Circle()
		}
		f.Take(&p)
		require.NoError(t, c.Add(&f))
		if k%20 == 19 {
			t2, nu, _ := c.Mean()
			sum, want = sum+t2, want+1/nu
		}
	}
	require.InEpsilon(t, want, sum, 4*1.3/math.Sqrt(d*n)) // |T|² varies about as much as its mean; frames 2 tau apart
}

func TestChannelsRefuseAndRestore(t *testing.T) {
	cfg := kairos.ChannelsConfig{Dims: 2, Tau: time.Second, Horizon: time.Second}
	c := channelWindows(t, cfg)
	t2, nu, ts2 := c.Mean()
	require.Zero(t, t2+nu+ts2)
	one := []float64{1, 1}
	f := kairos.Frame{T: 5e9, XR: one, XI: []float64{0, 0}, YR: one, YI: []float64{0, 0}, Weight: 1}
	require.NoError(t, c.Add(&f))
	before, err := c.AppendBinary(nil)
	require.NoError(t, err)
	for want, change := range map[string]func(f *kairos.Frame){
		"too late":         func(f *kairos.Frame) { f.T = 3e9 },
		"weight in 0…1":    func(f *kairos.Frame) { f.Weight = math.NaN() },
		"within 2":         func(f *kairos.Frame) { f.XI = []float64{0, 1.1} },
		"and a weight":     func(f *kairos.Frame) { f.YR = []float64{1, math.NaN()} },
		"|y|² within 2 an": func(f *kairos.Frame) { f.XR = []float64{math.Inf(1), 0} },
		"1 values: want 2": func(f *kairos.Frame) { f.YI = []float64{0} },
	} {
		bad := f
		change(&bad)
		require.ErrorContains(t, c.Add(&bad), want)
	}
	after, err := c.AppendBinary(nil)
	require.NoError(t, err)
	require.Equal(t, before, after)
	twin := channelWindows(t, cfg)
	require.NoError(t, twin.UnmarshalBinary(before))
	f.T += 1e8
	require.NoError(t, c.Add(&f))
	require.NoError(t, twin.Add(&f))
	require.Equal(t, c.ReadAt(1, 6e9), twin.ReadAt(1, 6e9))
	for cut := range len(before) {
		require.Error(t, twin.UnmarshalBinary(before[:cut]))
	}
	cfg.Dims = 3
	require.ErrorContains(t, channelWindows(t, cfg).UnmarshalBinary(before), "want 3")
	c.Reset()
	require.Zero(t, c.ReadAt(0, 0).W)
	for want, bad := range map[string]kairos.ChannelsConfig{
		"dims 0": {Tau: 1}, "tau 0s": {Dims: 1}, "horizon": {Dims: 1, Tau: 1, Horizon: -1}, "n0": {Dims: 1, Tau: 1, N0: -1},
	} {
		_, err := kairos.NewChannels(bad)
		require.ErrorContains(t, err, want)
	}
}

func TestChannelsAllocateNothing(t *testing.T) {
	c := channelWindows(t, kairos.ChannelsConfig{Dims: 8, Tau: time.Second})
	var f kairos.Frame
	p := phase.Point{U: make([]complex128, 8), Weight: 1}
	f.Take(&p)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		p.T += 1e6
		f.Take(&p)
		if err := c.Add(&f); err != nil {
			t.Fatal(err)
		}
	}))
}

func ExampleChannels() {
	c, err := kairos.NewChannels(kairos.ChannelsConfig{Dims: 3, Tau: time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	var f kairos.Frame
	r := signal.Rand(1)
	for k := range int64(1000) { // two channels that agree each with its reference, at opposite phases, and one of chance
		f.Take(&phase.Point{T: k * 1e6, U: []complex128{1, -1, r.Circle()}, Weight: 1})
		if err := c.Add(&f); err != nil {
			fmt.Println(err)
			return
		}
	}
	for d := range c.Dims() {
		fmt.Printf("%.2f ", c.ReadAt(d, 0).T2)
	}
	// Output: 1.00 1.00 0.00
}

// TestPutIsStep: the ways in for one channel and for several give what the general one gives, to the bit.
func TestPutIsStep(t *testing.T) {
	nco, err := phase.NewNCO(3.5)
	require.NoError(t, err)
	for _, d := range []int{1, 3} {
		pair := kairos.PairConfig{Dims: d, Omega: nco, Horizon: time.Hour}
		quick, err := kairos.NewIntegrator(kairos.Config{Tau: time.Second, N0: 1, Pair: pair})
		require.NoError(t, err)
		window, err := kairos.NewIntegrator(kairos.Config{Tau: time.Second, N0: 1, Pair: pair})
		require.NoError(t, err)
		for k, p := range draw(8, 300, d, phase.ByPhase, true) {
			if k%9 == 8 {
				p.T -= 5e6
			}
			require.NoError(t, quick.Put(&p))
			require.Len(t, quick.Terms(), 1)
			var z complex128
			for i := range p.U {
				z += p.U[i] * complex(real(p.V[i]), -imag(p.V[i]))
			}
			z *= nco.Rotor(p.T) / complex(float64(d), 0)
			require.InDelta(t, 0, norm(quick.Terms()[0].P-z), 1e-15)
			require.NoError(t, window.Add(quick.Terms()[0]))
			require.Equal(t, window.Read(), quick.Read())
		}
	}
}
