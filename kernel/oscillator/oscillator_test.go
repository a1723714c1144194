package oscillator_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/oscillator"
	"github.com/becomingone/becomingone/kernel/signal"
)

// longRun measures |<exp(i·theta)>|: over whole beats where theta slips, else after it has settled.
func longRun(d oscillator.Drive) float64 {
	theta, steps, dt := .3, 400_000, 1e-3
	if b := d.Beat(); b > 0 {
		steps = 20_000
		dt = 10 * 2 * math.Pi / b / float64(steps)
	} else {
		for range 100_000 {
			theta = d.Step(theta, dt)
		}
		steps = 1000
	}
	var sum complex128
	for range steps {
		theta = d.Step(theta, dt)
		sum += cmplx.Rect(1, theta)
	}
	return cmplx.Abs(sum) / float64(steps)
}

// A drive does create synchronisation, by exactly Adler's formula.
func TestLongRunIsWhatHappens(t *testing.T) {
	for _, w := range []float64{0, .5, .9, 1.01, 1.1, 1.5, 2, 5, 50, -1.5} {
		for _, k := range []float64{1, .25} {
			d := oscillator.Drive{Detuning: w * k, Coupling: k}
			require.InDelta(t, longRun(d), d.LongRun(), 1e-6, "%+v", d)
			if math.Abs(w) > 1 {
				require.InDelta(t, (math.Abs(w) - math.Sqrt(w*w-1)), d.LongRun(), 1e-12)
			}
		}
	}
	require.Zero(t, oscillator.Drive{Detuning: 1}.LongRun(), "coupling 0: not admitted")
	require.False(t, oscillator.Drive{}.Locks())
}

func TestCase09(t *testing.T) {
	var c struct {
		Cases []struct {
			DW     float64 `json:"dw"`
			K      float64
			Locked bool
			Theory float64  `json:"plv_theory"`
			Sim    float64  `json:"plv_sim"`
			Phase  *float64 `json:"lock_phase"`
			Beat   *float64
		}
		Tolerance float64
	}
	cases.Need(t, "09_adler_forcing.json", &c)
	require.NotEmpty(t, c.Cases)
	for _, v := range c.Cases {
		d := oscillator.Drive{Detuning: v.DW, Coupling: v.K}
		require.Equal(t, v.Locked, d.Locks())
		require.InDelta(t, v.Theory, d.LongRun(), c.Tolerance)
		require.InDelta(t, v.Sim, longRun(d), c.Tolerance)
		phase, ok := d.LockPhase()
		require.Equal(t, v.Phase != nil, ok)
		if ok {
			require.InDelta(t, *v.Phase, phase, c.Tolerance)
			require.InDelta(t, math.Sqrt(v.K*v.K-v.DW*v.DW), d.Rate(), 1e-12)
		} else {
			require.InDelta(t, *v.Beat, d.Beat(), c.Tolerance)
		}
	}
}

var graphs = map[string]func() (*oscillator.Graph, error){
	"ring8":      func() (*oscillator.Graph, error) { return oscillator.Ring(8) },
	"path6":      func() (*oscillator.Graph, error) { return oscillator.Path(6) },
	"star7":      func() (*oscillator.Graph, error) { return oscillator.Star(7) },
	"complete10": func() (*oscillator.Graph, error) { return oscillator.Complete(10) },
	"hypercube3": func() (*oscillator.Graph, error) { return oscillator.Cube(3) },
}

func TestSpectraAgainstClosedForms(t *testing.T) {
	for n := 3; n < 12; n++ {
		x := math.Pi / float64(n)
		for name, v := range map[string]struct {
			g   func(int) (*oscillator.Graph, error)
			two float64
			top float64
		}{
			"ring":     {oscillator.Ring, 2 - 2*math.Cos(2*x), 2 - 2*math.Cos(2*x*float64(n/2))},
			"path":     {oscillator.Path, 2 - 2*math.Cos(x), 2 + 2*math.Cos(x)},
			"star":     {oscillator.Star, 1, float64(n)},
			"complete": {oscillator.Complete, float64(n), float64(n)},
		} {
			g, err := v.g(n)
			require.NoError(t, err)
			s := g.Spectrum()
			require.InDelta(t, v.two, s.Connectivity, 1e-12*float64(n), "%s%d", name, n)
			require.InDelta(t, v.top, s.Largest, 1e-12*float64(n), "%s%d", name, n)
		}
	}
}

func TestSpectraAgainstGonum(t *testing.T) {
	r := signal.Rand(5)
	for range 20 {
		n := 2 + int(r.Uint64()%14)
		var links [][2]int
		for i := range n {
			for j := range i {
				if r.Uint64()%3 == 0 {
					links = append(links, [2]int{i, j})
				}
			}
		}
		g, err := oscillator.NewGraph(n, links)
		require.NoError(t, err)
		var e mat.EigenSym
		require.True(t, e.Factorize(mat.NewSymDense(n, g.Laplacian()), false))
		v := e.Values(nil)
		s := g.Spectrum()
		require.InDelta(t, v[1], s.Connectivity, 1e-11)
		require.InDelta(t, v[n-1], s.Largest, 1e-11)
	}
}

// decay measures the rate at which small differences die, in the second half of twelve e-foldings.
func decay(t *testing.T, g *oscillator.Graph, rate float64) float64 {
	t.Helper()
	r := signal.Rand(3)
	theta := make([]float64, g.Nodes())
	for k := range theta {
		theta[k] = 1e-2 * r.Gauss()
	}
	n, err := oscillator.NewNetwork(g, 1, make([]float64, g.Nodes()), theta)
	require.NoError(t, err)
	spread := func() float64 {
		var mean, sum float64
		for _, v := range n.Phases() {
			mean += v / float64(g.Nodes())
		}
		for _, v := range n.Phases() {
			sum += (v - mean) * (v - mean)
		}
		return math.Sqrt(sum)
	}
	const steps = 2000
	dt := 6 / rate / steps
	for range steps {
		n.Step(dt)
	}
	at := spread()
	for range steps {
		n.Step(dt)
	}
	return math.Log(at/spread()) / (dt * steps)
}

func TestRateIsTheConnectivity(t *testing.T) {
	for name, make := range graphs {
		g, err := make()
		require.NoError(t, err)
		want := g.Spectrum().Rate(1)
		require.InDelta(t, want, decay(t, g, want), 2e-3*max(1, want), name)
	}
}

func TestCase11(t *testing.T) {
	var c struct {
		Cases []struct {
			Graph    string
			N        int
			Two      float64 `json:"lambda2"`
			Top      float64 `json:"lambdamax"`
			Rate     float64 `json:"rate_measured_K1"`
			MaxStep  float64 `json:"max_step"`
			BestStep float64 `json:"optimal_step"`
			MaxDelay float64 `json:"max_delay"`
		}
		Tolerance float64
	}
	cases.Need(t, "11_graph_consensus.json", &c)
	require.Len(t, c.Cases, len(graphs))
	for _, v := range c.Cases {
		g, err := graphs[v.Graph]()
		require.NoError(t, err)
		require.Equal(t, v.N, g.Nodes())
		s := g.Spectrum()
		best, _ := s.BestStep()
		for _, p := range [][2]float64{{v.Two, s.Connectivity}, {v.Top, s.Largest}, {v.MaxStep, s.MaxStep()}, {v.BestStep, best}, {v.MaxDelay, s.MaxDelay(1)}} {
			require.InDelta(t, p[0], p[1], 1e-12*max(1, v.Top), v.Graph)
		}
		require.InEpsilon(t, v.Rate, decay(t, g, s.Connectivity), c.Tolerance, v.Graph)
	}
}

// A crowd with Lorentzian frequencies agrees to sqrt(1-Kc/K) above its onset, and hardly below.
func TestOnset(t *testing.T) {
	const n = 400
	g, err := oscillator.Complete(n)
	require.NoError(t, err)
	omega, theta := make([]float64, n), make([]float64, n)
	for k := range n { // quantiles of the distribution, so that the crowd is no accident
		omega[k] = math.Tan(math.Pi * ((float64(k)+.5)/n - .5))
		theta[k] = 2 * math.Pi * math.Mod(float64(k)*math.Phi, 1)
	}
	onset, want := oscillator.OnsetLorentz(1, 4)
	require.Equal(t, 2.0, onset)
	require.InDelta(t, math.Sqrt(.5), want, 1e-15)
	network, err := oscillator.NewNetwork(g, 4./n, omega, theta)
	require.NoError(t, err)
	sum := 0.0
	for k := range 400 {
		network.Step(.05)
		if k >= 200 {
			sum += cmplx.Abs(network.Order()) / 200
		}
	}
	require.InDelta(t, want, sum, .03)
	_, none := oscillator.OnsetLorentz(1, 1)
	require.Zero(t, none)
}

func TestErrors(t *testing.T) {
	for want, f := range map[string]func() error{
		"graph of 0 nodes":   func() error { _, err := oscillator.NewGraph(0, nil); return err },
		"graph of 9999":      func() error { _, err := oscillator.Complete(9999); return err },
		"not two of 2 nodes": func() error { _, err := oscillator.NewGraph(2, [][2]int{{0, 2}}); return err },
		"0-1: twice":         func() error { _, err := oscillator.NewGraph(2, [][2]int{{1, 0}, {0, 1}}); return err },
		"ring of 2":          func() error { _, err := oscillator.Ring(2); return err },
		"cube of 11":         func() error { _, err := oscillator.Cube(11); return err },
		"path":               func() error { _, err := oscillator.Path(-1); return fmt.Errorf("path: %w", err) },
	} {
		require.ErrorContains(t, f(), want)
	}
	g, err := oscillator.Path(2)
	require.NoError(t, err)
	_, err = oscillator.NewNetwork(g, 1, nil, nil)
	require.ErrorContains(t, err, "0 frequencies")
	_, err = oscillator.NewNetwork(g, math.NaN(), make([]float64, 2), make([]float64, 2))
	require.ErrorContains(t, err, "not finite")
}

// Two nodes with different frequencies keep asin(Δω/2K) between them: type-1 coupling leaves an error.
func TestTypeOneLeavesAnError(t *testing.T) {
	g, err := oscillator.Path(2)
	require.NoError(t, err)
	n, err := oscillator.NewNetwork(g, 1, []float64{.3, -.3}, []float64{0, 1})
	require.NoError(t, err)
	for range 4000 {
		n.Step(.01)
	}
	require.InDelta(t, math.Asin(.6/2), n.Phases()[0]-n.Phases()[1], 1e-9)
	require.Zero(t, testing.AllocsPerRun(100, func() { n.Step(.01) }))
}

func ExampleDrive() {
	d := oscillator.Drive{Detuning: 1.5, Coupling: 1}
	fmt.Printf("%v %.7f\n", d.Locks(), d.LongRun())
	// Output: false 0.3819660
}

func ExampleGraph_Spectrum() {
	g, err := oscillator.Cube(3)
	if err != nil {
		fmt.Println(err)
		return
	}
	s := g.Spectrum()
	eps, factor := s.BestStep()
	fmt.Printf("rate %.3f, step below %.3f, best %.3f shrinks by %.3f, delay below %.3f\n", s.Rate(1), s.MaxStep(), eps, factor, s.MaxDelay(1))
	// Output: rate 2.000, step below 0.333, best 0.250 shrinks by 0.500, delay below 0.262
}

func ExampleNetwork() {
	g, err := oscillator.Complete(3)
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := oscillator.NewNetwork(g, 1, make([]float64, 3), []float64{0, 1, 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 1000 {
		n.Step(.01)
	}
	fmt.Printf("%.6f\n", real(n.Order())*real(n.Order())+imag(n.Order())*imag(n.Order()))
	// Output: 1.000000
}

func BenchmarkNetwork(b *testing.B) {
	g, err := oscillator.Complete(16)
	require.NoError(b, err)
	n, err := oscillator.NewNetwork(g, .1, make([]float64, 16), start(16))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		n.Step(.01)
	}
}
