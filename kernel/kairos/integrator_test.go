package kairos_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/cmplx"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

// windows returns an integrator of each kind, with and without lag.
func windows(t testing.TB, reading phase.Reading) []*kairos.Integrator {
	t.Helper()
	var out []*kairos.Integrator
	for _, w := range []kairos.Window{kairos.Leaky, kairos.Rectangular, kairos.Staircase} {
		for _, lag := range []time.Duration{0, 3 * time.Millisecond} {
			g, err := kairos.NewIntegrator(kairos.Config{
				Pair:   kairos.PairConfig{Reading: reading, Lag: lag, Omega: phase.NCO{F: 1 << 37}, Horizon: time.Minute},
				Window: w, Tau: 90 * time.Millisecond, N0: 1,
			})
			require.NoError(t, err)
			out = append(out, g)
		}
	}
	return out
}

func TestReadsArePure(t *testing.T) {
	for _, reading := range []phase.Reading{phase.ByPhase, phase.ByEnergy} {
		for i, g := range windows(t, reading) {
			twin := windows(t, reading)[i]
			for _, p := range draw(9, 300, 1, reading, false) {
				a, err := g.Step(&p)
				require.NoError(t, err)
				b, err := twin.Step(&p)
				require.NoError(t, err)
				require.Equal(t, b, a)
				before, err := g.AppendBinary(nil)
				require.NoError(t, err)
				for _, later := range []int64{-5e6, 0, 1e6, 5e7, 1e12} {
					r := g.ReadAt(p.T + later)
					require.Equal(t, r, g.ReadAt(p.T+later))
					require.GreaterOrEqual(t, r.At, p.T)
				}
				after, err := g.AppendBinary(nil)
				require.NoError(t, err)
				require.Equal(t, before, after)
			}
		}
	}
}

// TestReadAtIsSilence compares reading later with a later point of weight 0.
func TestReadAtIsSilence(t *testing.T) {
	for _, reading := range []phase.Reading{phase.ByPhase, phase.ByEnergy} {
		for _, g := range windows(t, reading) {
			var last phase.Point
			for _, p := range draw(4, 200, 1, reading, true) {
				_, err := g.Step(&p)
				require.NoError(t, err)
				last = p
			}
			at := last.T + int64(45*time.Millisecond)
			want := g.ReadAt(at)
			got, err := g.Step(&phase.Point{T: at, U: last.U, V: last.V, Weight: 0})
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
}

func TestSilenceDissipates(t *testing.T) {
	g := windows(t, phase.ByPhase)[0]
	var r kairos.Resonance
	for k := range 100 {
		var err error
		rot := phase.NCO{F: 1 << 37}.Rotor(int64(k) * 1e6)
		r, err = g.Step(&phase.Point{T: int64(k) * 1e6, U: []complex128{cmplx.Conj(rot)}, Weight: 1})
		require.NoError(t, err)
	}
	require.InDelta(t, 1, r.T2, 1e-12)
	prev := r
	for _, d := range []time.Duration{time.Millisecond, time.Second / 10, time.Second} {
		now := g.ReadAt(99e6 + int64(d))
		require.InDelta(t, 1, now.T2, 1e-12, "T and nu do not see silence")
		require.InEpsilon(t, r.Nu, now.Nu, 1e-12)
		require.Less(t, now.Ts2, prev.Ts2, "the shrunk value does")
		prev = now
	}
	gone := g.ReadAt(99e6 + int64(time.Hour))
	require.Equal(t, kairos.Resonance{N: 100, At: gone.At}, gone)
}

func TestFirstSample(t *testing.T) {
	g := windows(t, phase.ByPhase)[0]
	r, err := g.Step(&phase.Point{T: math.MinInt64, U: []complex128{1}, Weight: 1})
	require.NoError(t, err)
	require.InDelta(t, 1, r.T2, 1e-15, "one phasor always agrees with itself")
	require.Equal(t, 1.0, r.Nu)
	require.Equal(t, 0.25, r.Ts2)
	require.Zero(t, r.T2Unbiased())
	r, err = g.Step(&phase.Point{T: math.MaxInt64, U: []complex128{1}, Weight: 1})
	require.NoError(t, err)
	require.Equal(t, 1.0, r.W, "all of time is a gap")
}

func TestLateness(t *testing.T) {
	g, err := kairos.NewIntegrator(kairos.Config{Tau: time.Second, Pair: kairos.PairConfig{Horizon: time.Millisecond}})
	require.NoError(t, err)
	one := func(at int64) error {
		_, err := g.Step(&phase.Point{T: at, U: []complex128{1}, Weight: 1})
		return err
	}
	require.NoError(t, one(5_000_000))
	require.NoError(t, one(4_000_000))
	before := g.Read()
	require.ErrorIs(t, one(3_999_999), kairos.ErrLate)
	require.ErrorIs(t, g.Add(kairos.Term{T: 0, P: 1, Weight: 1, Sign: 1}), kairos.ErrLate)
	require.Equal(t, before, g.Read())
	require.Equal(t, uint64(2), g.Late())
	require.InDelta(t, 1+math.Exp(-1e-3), g.Read().W, 1e-15)
}

func TestCapacity(t *testing.T) {
	g, err := kairos.NewIntegrator(kairos.Config{Window: kairos.Rectangular, Tau: time.Hour, Capacity: 10})
	require.NoError(t, err)
	for k := range 25 {
		_, err := g.Step(&phase.Point{T: int64(k), U: []complex128{1}, Weight: 1})
		require.NoError(t, err)
	}
	require.Equal(t, uint64(15), g.Lost())
	require.Equal(t, 10.0, g.Read().W)
}

// TestEnergyOutlier sends one sample 1e60 times as loud through an energy window: nothing of it stays.
func TestEnergyOutlier(t *testing.T) {
	cfg := kairos.Config{Window: kairos.Rectangular, Tau: 50, Pair: kairos.PairConfig{Reading: phase.ByEnergy}}
	loud, err := kairos.NewIntegrator(cfg)
	require.NoError(t, err)
	quiet, err := kairos.NewIntegrator(cfg)
	require.NoError(t, err)
	r := signal.Rand(1)
	for k := range 200 {
		p := phase.Point{T: int64(k), U: []complex128{r.Circle()}, V: []complex128{r.Circle()}, Weight: 1}
		b, err := quiet.Step(&p)
		require.NoError(t, err)
		if k == 60 {
			p.U = []complex128{1e300}
		}
		a, err := loud.Step(&p)
		require.NoError(t, err)
		if k < 60 || k >= 110 {
			require.Equal(t, b.T, a.T, k)
			require.Equal(t, b.Nu, a.Nu)
		} else {
			require.InDelta(t, 1, a.Nu, 1e-6, "one loud sample is one sample")
		}
	}
}

func TestRefusedPoints(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, reading := range []phase.Reading{phase.ByPhase, phase.ByEnergy} {
		for _, g := range windows(t, reading) {
			for _, p := range draw(2, 50, 1, reading, true) {
				_, err := g.Step(&p)
				require.NoError(t, err)
			}
			before, err := g.AppendBinary(nil)
			require.NoError(t, err)
			at, _ := g.Newest()
			for i, p := range []phase.Point{
				{U: []complex128{complex(nan, 0)}, Weight: 1}, {U: []complex128{complex(0, inf)}, Weight: 1},
				{U: []complex128{1}, V: []complex128{complex(0, nan)}, Weight: 1},
				{U: []complex128{1, 1}, Weight: 1}, {U: nil, Weight: 1}, {U: []complex128{1}, V: []complex128{1, 1}, Weight: 1},
				{U: []complex128{1}, Weight: nan}, {U: []complex128{1}, Weight: -1}, {U: []complex128{1}, Weight: 1.5},
			} {
				p.T = at + 1
				_, err := g.Step(&p)
				require.Error(t, err, i)
			}
			if reading == phase.ByPhase {
				_, err := g.Step(&phase.Point{T: at + 1, U: []complex128{1 + 1i}, Weight: 1})
				require.ErrorContains(t, err, "unit circle")
			}
			require.Error(t, g.Add(kairos.Term{T: at, P: complex(nan, 0), Weight: 1, Sign: 1}))
			require.Error(t, g.Add(kairos.Term{T: at, P: 1, Ex: inf, Weight: 1, Sign: 1}))
			require.Error(t, g.Add(kairos.Term{T: at, P: 1, Weight: 1}), "no sign")
			after, err := g.AppendBinary(nil)
			require.NoError(t, err)
			require.Equal(t, before, after)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	ok := kairos.Config{Tau: time.Second}
	for want, change := range map[string]func(*kairos.Config){
		"tau":          func(c *kairos.Config) { c.Tau = 0 },
		"window":       func(c *kairos.Config) { c.Window = 7 },
		"capacity -1":  func(c *kairos.Config) { c.Capacity = -1 },
		"n0 NaN":       func(c *kairos.Config) { c.N0 = math.NaN() },
		"n0 -1":        func(c *kairos.Config) { c.N0 = -1 },
		"dims -1":      func(c *kairos.Config) { c.Pair.Dims = -1 },
		"reading 9":    func(c *kairos.Config) { c.Pair.Reading = 9 },
		"lag -1":       func(c *kairos.Config) { c.Pair.Lag = -1 },
		"max_gap -1":   func(c *kairos.Config) { c.Pair.MaxGap = -1 },
		"horizon -1":   func(c *kairos.Config) { c.Pair.Horizon = -1 },
		"lag capacity": func(c *kairos.Config) { c.Pair.Capacity = 1 },
		"metric of 1":  func(c *kairos.Config) { c.Pair.Dims, c.Pair.Metric = 2, []float64{1} },
		"weight 1 is":  func(c *kairos.Config) { c.Pair.Dims, c.Pair.Metric = 2, []float64{2, -1} },
		"sums to":      func(c *kairos.Config) { c.Pair.Metric = []float64{.5} },
	} {
		cfg := ok
		change(&cfg)
		_, err := kairos.NewIntegrator(cfg)
		require.ErrorContains(t, err, want)
	}
	_, err := kairos.NewIntegrator(ok)
	require.NoError(t, err)
}

// TestRestore stops a window at every point, writes it, and lets a fresh one go on: bit for bit the same.
func TestRestore(t *testing.T) {
	for _, reading := range []phase.Reading{phase.ByPhase, phase.ByEnergy} {
		for i, g := range windows(t, reading) {
			points := draw(21, 150, 1, reading, false)
			for k, p := range points {
				if k > 20 && k%10 == 0 { // some arrive late
					p.T -= 12_345_678
				}
				_, err := g.Step(&p)
				require.NoError(t, err)
				b, err := g.AppendBinary([]byte("before"))
				require.NoError(t, err)
				next := windows(t, reading)[i]
				require.NoError(t, next.UnmarshalBinary(b[len("before"):]))
				require.Equal(t, g.Read(), next.Read())
				g = next
			}
			whole := windows(t, reading)[i]
			for k, p := range points {
				if k > 20 && k%10 == 0 {
					p.T -= 12_345_678
				}
				_, err := whole.Step(&p)
				require.NoError(t, err)
			}
			require.Equal(t, whole.Read(), g.Read())
			b, err := g.AppendBinary(nil)
			require.NoError(t, err)
			for cut := range len(b) {
				require.Error(t, windows(t, reading)[i].UnmarshalBinary(b[:cut]))
			}
			require.Error(t, windows(t, reading)[(i+2)%6].UnmarshalBinary(b), "another window's state")
			g.Reset()
			empty := windows(t, reading)[i]
			require.Equal(t, empty.Read(), g.Read())
		}
	}
}

func TestNoAllocation(t *testing.T) {
	for _, reading := range []phase.Reading{phase.ByPhase, phase.ByEnergy} {
		for i, g := range windows(t, reading) {
			p := phase.Point{U: make([]complex128, 1), Weight: 1}
			r := signal.Rand(1)
			step := func() {
				p.T += 1_000_000 + int64(r.Uint64()%1000)
				p.U[0] = r.Circle()
				if _, err := g.Step(&p); err != nil {
					t.Fatal(err)
				}
			}
			for range 1000 {
				step()
			}
			require.Zero(t, testing.AllocsPerRun(2000, step), "%v %d", reading, i)
		}
	}
}

// FuzzNothingPoisons feeds bytes as times and values. Whatever they are, the state stays finite, |S| stays
// within W and |T| within 1.
func FuzzNothingPoisons(f *testing.F) {
	word := func(v ...uint64) (b []byte) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, x)
		}
		return b
	}
	bits := math.Float64bits
	f.Add(word(1, bits(1), bits(0)))
	f.Add(word(1, bits(math.NaN()), bits(0), 2, bits(math.Inf(1)), bits(0), 3, bits(1e300), bits(-1e300)))
	f.Add(word(9, bits(5e-324), bits(5e-324), 8, bits(1), bits(1), 1<<63, bits(1e-200), bits(0)))
	f.Add(word(1<<63-1, bits(3), bits(4), 0, bits(1e150), bits(1e-150)))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 3<<10)]
		for _, reading := range []phase.Reading{phase.ByPhase, phase.ByEnergy} {
			e, err := phase.NewEstimator(phase.Config{Reading: reading})
			require.NoError(t, err)
			for _, g := range windows(t, reading) {
				for b := data; len(b) >= 24; b = b[24:] {
					s := phase.Sample{T: int64(binary.LittleEndian.Uint64(b)), Form: phase.Phasor, X: []complex128{complex(
						math.Float64frombits(binary.LittleEndian.Uint64(b[8:])),
						math.Float64frombits(binary.LittleEndian.Uint64(b[16:])))}}
					p, ok, err := e.Step(&s)
					if err != nil || !ok {
						continue
					}
					r, err := g.Step(&p)
					if err != nil {
						continue
					}
					requireSound(t, reading, r)
					requireSound(t, reading, g.ReadAt(s.T/2+1<<61))
				}
			}
		}
	})
}

func requireSound(t *testing.T, reading phase.Reading, r kairos.Resonance) {
	t.Helper()
	sum := 0.0
	for _, v := range []float64{real(r.S), imag(r.S), r.W, r.Q, r.Ex, r.Ey, r.A1, r.A2, r.T2, r.Ts2, r.Nu, r.Psi} {
		sum += math.Abs(v) * 1e-300
	}
	require.False(t, math.IsNaN(sum) || math.IsInf(sum, 0), "%+v", r)
	require.LessOrEqual(t, r.T2, 1+1e-12)
	require.LessOrEqual(t, r.Ts2, r.T2+1e-12)
	if reading == phase.ByPhase {
		require.LessOrEqual(t, cmplx.Abs(r.S), r.W*(1+1e-12)+1e-12)
	}
}

func ExampleIntegrator() {
	g, err := kairos.NewIntegrator(kairos.Config{Tau: 200 * time.Millisecond, N0: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	// A phasor that follows its reference with a phase error of 0.1 rad.
	s := signal.Coupled(signal.Clock{Step: time.Millisecond}, 1, phase.NCO{}, 0.1)
	var r kairos.Resonance
	for range 2000 {
		x := s.Next()
		if r, err = g.Step(&phase.Point{T: x.T, U: x.X, V: x.Y, Weight: 1}); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Printf("|T|² %.2f from %.0f effective samples\n", r.T2, r.Nu)
	// Output: |T|² 0.99 from 400 effective samples
}
