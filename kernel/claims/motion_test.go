package claims

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

const (
	motionRuns   = 1500
	motionLength = 400
	theirRuns    = 20_000 // of case 24
)

// average returns E T over the runs and n·E|T|² of n pairs.
type average struct {
	t  complex128
	t2 float64
}

// white feeds runs of random phases, each through what feed makes of it, and averages their resonances.
func white(t *testing.T, lag int, feed func(r *signal.Rand, step func(u complex128, weight float64))) (a average) {
	t.Helper()
	g := integrator(t, kairos.Config{Window: kairos.Rectangular, Pair: kairos.PairConfig{Lag: time.Duration(lag)}})
	r := signal.Rand(2400 + lag)
	p := phase.Point{U: make([]complex128, 1)}
	for range motionRuns {
		g.Reset()
		k := int64(0)
		feed(&r, func(u complex128, weight float64) {
			p.T, p.U[0], p.Weight = k, u, weight
			if _, err := g.Step(&p); err != nil {
				t.Fatal(err)
			}
			k++
		})
		got := g.Read()
		a.t += got.T / motionRuns
		a.t2 += got.T2 * got.W / motionRuns
	}
	return a
}

func positions(r *signal.Rand, step func(complex128, float64)) {
	for range motionLength {
		step(r.Circle(), 1)
	}
}

// velocities feeds the phasors of the differences.
func velocities(r *signal.Rand, step func(complex128, float64)) {
	before := r.Circle()
	for range motionLength {
		z := r.Circle()
		v := z - before
		step(v/complex(cmplx.Abs(v), 0), 1)
		before = z
	}
}

// gated feeds positions through the kernel's motion gate of an arc a.
func gated(t *testing.T, a float64) func(*signal.Rand, func(complex128, float64)) {
	return func(r *signal.Rand, step func(complex128, float64)) {
		e, err := phase.NewEstimator(phase.Config{MotionFloor: 2 * math.Sin(a/2)})
		require.NoError(t, err)
		x := make([]complex128, 1)
		for k := range motionLength {
			x[0] = r.Circle()
			p, _, err := e.Step(&phase.Sample{T: int64(k), Form: phase.Phasor, X: x})
			if err != nil {
				t.Fatal(err)
			}
			step(p.U[0], p.Weight)
		}
	}
}

// motion is the file of case 24.
type motion struct {
	Values map[string]struct {
		AbsET  *float64
		NT2    *float64 `json:"n_meanT2"`
		ET     *float64
		Theory *float64
	}
}

func motionFile(t *testing.T) (c motion, here bool) {
	t.Helper()
	here = cases.Read(t, "24_motion_gate.json", &c)
	return c, here
}

// TestCase24Differencing: phasors of differences make white phases coherent, -4/π² at lag 1, and inflate
// the rest by 4/3; positions do not.
func TestCase24Differencing(t *testing.T) {
	c, here := motionFile(t)
	se := 1 / math.Sqrt(motionRuns*motionLength)
	for lag := 1; lag <= 3; lag++ {
		v, p := white(t, lag, velocities), white(t, lag, positions)
		want, spread := 0.0, 4.0/3
		if lag == 1 {
			want = -4 / (math.Pi * math.Pi)
		} else {
			within4(t, spread, v.t2, spread*1.2/math.Sqrt(motionRuns), lag)
		}
		within4(t, 0, cmplx.Abs(v.t-complex(want, 0)), 1.5*se, "velocities at lag %d", lag)
		within4(t, 0, cmplx.Abs(p.t), se, "positions at lag %d", lag)
		within4(t, 1, p.t2, 1.1/math.Sqrt(motionRuns), lag)
		if here {
			both := math.Sqrt(1 + float64(motionRuns)/theirRuns)
			row := c.Values[fmt.Sprintf("velocity-phasor self lag %d", lag)]
			within4(t, *row.AbsET, cmplx.Abs(v.t), 1.5*se*both, lag)
			row = c.Values[fmt.Sprintf("position-phasor self lag %d", lag)]
			within4(t, *row.NT2, p.t2, 1.1*both/math.Sqrt(motionRuns), lag)
		}
	}
}

// TestCase24MotionGate: the gate's bias at lag 1 is -sin(a)/(π-a), at other lags 0.
func TestCase24MotionGate(t *testing.T) {
	c, here := motionFile(t)
	se := 1 / math.Sqrt(motionRuns*motionLength)
	for lag := 1; lag <= 3; lag++ {
		for _, a := range []float64{.05, .2, .5} {
			g, bias := white(t, lag, gated(t, a)), 0.0
			if lag == 1 {
				bias = -math.Sin(a) / (math.Pi - a)
			}
			within4(t, bias, real(g.t), 1.5*se, "gate %v lag %d", a, lag)
			if here {
				row := c.Values[fmt.Sprintf("position-phasor motion gate a=%v lag %d", a, lag)]
				require.InDelta(t, *row.Theory, bias, 1e-12)
				within4(t, *row.ET, real(g.t), 1.5*se*math.Sqrt2, "gate %v lag %d", a, lag)
			}
		}
	}
}
