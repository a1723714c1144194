package kairos_test

import (
	"cmp"
	"math"
	"math/cmplx"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

// naive is the O(n) definition: it pairs and weighs every point anew at the newest one.
type naive struct {
	cfg    kairos.Config
	points []phase.Point
}

type naiveSums struct {
	s                        complex128
	w, q, ex, ey, a1, a2, nu float64
	t                        complex128
	n                        int
}

// lagged returns the reference of point k, or nil.
func (o *naive) lagged(k int) []complex128 {
	p := o.points[k]
	lag := int64(o.cfg.Pair.Lag)
	if lag == 0 {
		if p.V != nil {
			return p.V
		}
		ones := make([]complex128, len(p.U))
		for i := range ones {
			ones[i] = 1
		}
		return ones
	}
	ref := func(p phase.Point) []complex128 {
		if p.V != nil {
			return p.V
		}
		return p.U
	}
	target := p.T - lag
	lo := -1
	for i, q := range o.points {
		if q.T <= target {
			lo = i
		}
	}
	if lo < 0 {
		return nil
	}
	if o.points[lo].T == target {
		return ref(o.points[lo])
	}
	hi := lo + 1
	gap := o.cfg.Pair.MaxGap
	if gap == 0 {
		gap = o.cfg.Pair.Lag
	}
	width := o.points[hi].T - o.points[lo].T
	if time.Duration(width) > gap || hi == k && p.V == nil {
		return nil
	}
	f := complex(float64(target-o.points[lo].T)/float64(width), 0)
	out := make([]complex128, len(p.U))
	for d := range out {
		out[d] = ref(o.points[lo])[d]*(1-f) + ref(o.points[hi])[d]*f
		if o.cfg.Pair.Reading == phase.ByPhase {
			out[d] /= complex(cmplx.Abs(out[d]), 0)
		}
	}
	return out
}

func (o *naive) sum() naiveSums {
	slices.SortStableFunc(o.points, func(a, b phase.Point) int { return cmp.Compare(a.T, b.T) })
	var r naiveSums
	end := o.points[len(o.points)-1].T
	for k, p := range o.points {
		y := o.lagged(k)
		w := p.Weight
		if o.cfg.Window == kairos.Leaky {
			w *= math.Exp(-float64(end-p.T) / float64(o.cfg.Tau))
		} else if o.cfg.Tau > 0 && end-p.T >= int64(o.cfg.Tau) {
			w = 0
		}
		if y == nil || w == 0 {
			continue
		}
		var pr complex128
		var ex, ey float64
		for d := range y {
			c := 1 / float64(len(y))
			if o.cfg.Pair.Metric != nil {
				c = o.cfg.Pair.Metric[d]
			}
			b := cmplx.Conj(y[d])
			if o.cfg.Pair.Conjugate {
				b = y[d]
			}
			pr += complex(c, 0) * p.U[d] * b
			ex += c * cmplx.Abs(p.U[d]) * cmplx.Abs(p.U[d])
			ey += c * cmplx.Abs(y[d]) * cmplx.Abs(y[d])
		}
		turns := float64(uint64(p.T)*o.cfg.Pair.Omega.F) * 0x1p-64
		pr *= cmplx.Exp(complex(0, 2*math.Pi*turns))
		a := w * cmplx.Abs(pr)
		r.s += complex(w, 0) * pr
		r.w, r.q, r.a1, r.a2 = r.w+w, r.q+w*w, r.a1+a, r.a2+a*a
		r.ex, r.ey = r.ex+w*ex, r.ey+w*ey
		r.n++
	}
	r.t, r.nu = r.s/complex(r.w, 0), r.w*r.w/r.q
	if o.cfg.Pair.Reading == phase.ByEnergy {
		r.t = r.s / complex(math.Sqrt(r.ex*r.ey), 0)
		r.nu = min(r.nu, r.a1*r.a1/r.a2)
	}
	return r
}

func requireSame(t *testing.T, want naiveSums, got kairos.Resonance) {
	t.Helper()
	const tol = 1e-11
	require.InDelta(t, 0, cmplx.Abs(got.S-want.s)/max(want.a1, 1e-300), tol, "S %v %v", got.S, want.s)
	require.InDelta(t, 0, cmplx.Abs(got.T-want.t), tol, "T")
	for _, v := range [][2]float64{
		{want.w, got.W}, {want.q, got.Q}, {want.ex, got.Ex}, {want.ey, got.Ey},
		{want.a1, got.A1}, {want.a2, got.A2}, {want.nu, got.Nu},
	} {
		require.InEpsilon(t, v[0], v[1], tol)
	}
	require.InDelta(t, cmplx.Abs(want.t)*cmplx.Abs(want.t), got.T2, tol)
	require.InDelta(t, cmplx.Phase(want.t), got.Psi, tol/max(cmplx.Abs(want.t), 1e-6))
}

// draw makes n points of d channels with irregular times, gaps, still points and, by energy, amplitudes
// over four decades. Each channel has a common slow phase, so that T is neither 0 nor 1.
func draw(seed uint64, n, d int, reading phase.Reading, cross bool) []phase.Point {
	r := signal.Rand(seed)
	var out []phase.Point
	t := int64(r.Uint64() % 1e15)
	for range n {
		t += 1 + int64(r.Uint64()%2_000_000)
		if r.Uint64()%50 == 0 {
			t += 40_000_000
		}
		p := phase.Point{T: t, Weight: 1}
		if r.Uint64()%8 == 0 {
			p.Weight = 0
		}
		for range d {
			z := cmplx.Exp(complex(0, 3e-8*float64(t%1e9)+r.Gauss()))
			if reading == phase.ByEnergy {
				z *= complex(math.Pow(10, 4*r.Float64()-2), 0)
			}
			p.U = append(p.U, z)
			if cross {
				p.V = append(p.V, cmplx.Exp(complex(0, r.Gauss())))
			}
		}
		out = append(out, p)
	}
	return out
}

func configs(t *testing.T) map[string]kairos.Config {
	t.Helper()
	nco, err := phase.NewNCO(-12.5)
	require.NoError(t, err)
	out := map[string]kairos.Config{}
	for _, window := range []kairos.Window{kairos.Leaky, kairos.Rectangular} {
		for _, reading := range []phase.Reading{phase.ByPhase, phase.ByEnergy} {
			for name, p := range map[string]kairos.PairConfig{
				"clock": {}, "omega": {Omega: nco}, "conjugate": {Conjugate: true},
				"metric": {Dims: 3, Metric: []float64{.5, .3, .2}}, "wide": {Dims: 5},
				"lag": {Lag: 7 * time.Millisecond}, "lag wide gap": {Lag: 7 * time.Millisecond, MaxGap: time.Second, Dims: 2},
			} {
				p.Reading, p.Horizon = reading, time.Hour
				cfg := kairos.Config{Pair: p, Window: window, Tau: 90 * time.Millisecond, N0: 1}
				out[window.String()+" "+reading.String()+" "+name] = cfg
			}
		}
	}
	return out
}

func TestAgainstTheDefinition(t *testing.T) {
	for name, cfg := range configs(t) {
		t.Run(name, func(t *testing.T) {
			for _, cross := range []bool{false, true} {
				points := draw(7, 300, max(cfg.Pair.Dims, 1), cfg.Pair.Reading, cross)
				g, err := kairos.NewIntegrator(cfg)
				require.NoError(t, err)
				o := naive{cfg: cfg}
				for i, p := range points {
					got, err := g.Step(&p)
					require.NoError(t, err)
					o.points = append(o.points, p)
					if i%37 == 36 || i == len(points)-1 {
						requireSame(t, o.sum(), got)
					}
				}
				require.Zero(t, g.Late())
				require.Zero(t, g.Lost())
			}
		})
	}
}

// TestArrivalOrder delivers the same points in other orders: late ones count, and re-pair, as if in time.
func TestArrivalOrder(t *testing.T) {
	for name, cfg := range configs(t) {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= 4; seed++ {
				cross := seed%2 == 0
				points := draw(seed, 120, max(cfg.Pair.Dims, 1), cfg.Pair.Reading, cross)
				sorted, err := kairos.NewIntegrator(cfg)
				require.NoError(t, err)
				for _, p := range points {
					_, err := sorted.Step(&p)
					require.NoError(t, err)
				}
				r := signal.Rand(seed + 100)
				for i := range points { // shuffle within 20 places
					j := min(i+int(r.Uint64()%20), len(points)-1)
					points[i], points[j] = points[j], points[i]
				}
				mixed, err := kairos.NewIntegrator(cfg)
				require.NoError(t, err)
				for _, p := range points {
					if _, err := mixed.Step(&p); err != nil {
						require.ErrorIs(t, err, kairos.ErrLate, "only what left the rectangle")
						require.Equal(t, kairos.Rectangular, cfg.Window)
					}
				}
				a, b := sorted.Read(), mixed.Read()
				require.Equal(t, a.N, b.N)
				require.InDelta(t, 0, cmplx.Abs(a.T-b.T), 1e-12)
				require.InEpsilon(t, a.W, b.W, 1e-12)
				require.InEpsilon(t, a.Nu, b.Nu, 1e-11)
				if cfg.Window == kairos.Rectangular && cfg.Pair.Reading == phase.ByPhase {
					require.Equal(t, a, b, "an exact window does not know the order")
				}
			}
		})
	}
}

func TestRescalingChangesNothing(t *testing.T) {
	for name, cfg := range configs(t) {
		if cfg.Pair.Reading != phase.ByEnergy {
			continue
		}
		t.Run(name, func(t *testing.T) {
			points := draw(11, 200, max(cfg.Pair.Dims, 1), phase.ByEnergy, true)
			one, err := kairos.NewIntegrator(cfg)
			require.NoError(t, err)
			other, err := kairos.NewIntegrator(cfg)
			require.NoError(t, err)
			for _, p := range points {
				a, err := one.Step(&p)
				require.NoError(t, err)
				q := phase.Point{T: p.T, Weight: p.Weight}
				for d := range p.U {
					q.U = append(q.U, 1000*p.U[d])
					q.V = append(q.V, -3e-7i*p.V[d])
				}
				b, err := other.Step(&q)
				require.NoError(t, err)
				require.InDelta(t, a.T2, b.T2, 1e-12)
				require.InDelta(t, a.Ts2, b.Ts2, 1e-12)
				require.InDelta(t, a.Nu, b.Nu, 1e-9*a.Nu)
			}
		})
	}
}

// TestTimeScaling doubles every time: the same bits come out, because only ratios of times matter.
func TestTimeScaling(t *testing.T) {
	for _, window := range []kairos.Window{kairos.Leaky, kairos.Rectangular} {
		for _, scale := range []int64{2, 1 << 10, 1 << 20} {
			cfg := kairos.Config{Window: window, Tau: 90 * time.Millisecond, N0: 1}
			cfg.Pair = kairos.PairConfig{Lag: 7 * time.Millisecond, Omega: phase.NCO{F: 3 << 40}}
			slow := cfg
			slow.Tau *= time.Duration(scale)
			slow.Pair.Lag *= time.Duration(scale)
			slow.Pair.Omega.F /= uint64(scale)
			a, err := kairos.NewIntegrator(cfg)
			require.NoError(t, err)
			b, err := kairos.NewIntegrator(slow)
			require.NoError(t, err)
			var start int64
			for i, p := range draw(5, 400, 1, phase.ByPhase, false) {
				if i == 0 {
					start = p.T
				}
				p.T -= start
				ra, err := a.Step(&p)
				require.NoError(t, err)
				p.T *= scale
				rb, err := b.Step(&p)
				require.NoError(t, err)
				ra.At, rb.At = 0, 0
				require.Equal(t, ra, rb)
			}
		}
	}
}

func TestPoolEqualsPooled(t *testing.T) {
	for name, cfg := range configs(t) {
		if cfg.Pair.Lag != 0 {
			continue // a lag pairs across the parts
		}
		t.Run(name, func(t *testing.T) {
			points := draw(3, 200, max(cfg.Pair.Dims, 1), cfg.Pair.Reading, true)
			g := make([]*kairos.Integrator, 4)
			for i := range g {
				var err error
				g[i], err = kairos.NewIntegrator(cfg)
				require.NoError(t, err)
			}
			for i, p := range points {
				_, err := g[3].Step(&p)
				require.NoError(t, err)
				_, err = g[i%3].Step(&p)
				require.NoError(t, err)
			}
			at := points[len(points)-1].T
			all := g[3].ReadAt(at)
			pool := kairos.Pool(cfg.Pair.Reading, cfg.N0, g[0].ReadAt(at), g[1].ReadAt(at), g[2].ReadAt(at))
			require.Equal(t, all.N, pool.N)
			require.Equal(t, all.At, pool.At)
			require.InDelta(t, 0, cmplx.Abs(all.T-pool.T), 1e-12)
			require.InDelta(t, 0, cmplx.Abs(all.Ts-pool.Ts), 1e-12)
			require.InEpsilon(t, all.Nu, pool.Nu, 1e-12)
		})
	}
}
