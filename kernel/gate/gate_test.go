package gate_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/align"
	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/gate"
)

func config() gate.Config {
	return gate.Config{
		Threshold: .95, Release: .9, Delta: .1, AlphaPerHour: 1e-3, EvalHz: 1000,
		MinMass: 3, StaleAfter: 600 * time.Millisecond, Levels: 8,
	}
}

func newGate(t testing.TB, cfg gate.Config) *gate.Gate {
	g, err := gate.New(cfg)
	require.NoError(t, err)
	return g
}

// coherent is a look at which every condition holds.
func coherent(at int64) *gate.Look {
	return &gate.Look{
		T: at, Joint: align.Joint{T2: .97, Nu: 100}, NuMaster: 100, NuEmissary: 100, Mass: 50,
		Correlation: 1, LnE: 60, LnSR: 60, Steps: 100,
	}
}

func TestEachConditionIsNeeded(t *testing.T) {
	for _, k := range []struct {
		name   string
		spoil  func(*gate.Look)
		reason gate.Reason
		state  gate.State
	}{
		{"all hold", func(*gate.Look) {}, gate.ReasonHolds, gate.Collapsed},
		{"effect", func(l *gate.Look) { l.Joint.T2 = .9499 }, gate.ReasonEffect, gate.Accumulating},
		{"chord", func(l *gate.Look) { l.Joint.Chord = .11 }, gate.ReasonChord, gate.Accumulating},
		{"mass", func(l *gate.Look) { l.Mass = 2.9 }, gate.ReasonMass, gate.Warmup},
		{"neither bound nor detector", func(l *gate.Look) { l.Joint.Nu, l.NuMaster, l.NuEmissary, l.LnSR = 20, 20, 20, 20 },
			gate.ReasonEvidence, gate.Warmup},
		{"the detector alone", func(l *gate.Look) { l.Joint.Nu, l.NuMaster, l.NuEmissary = 6, 6, 6 },
			gate.ReasonHolds, gate.Collapsed},
		{"the detector needs six samples", func(l *gate.Look) { l.Joint.Nu, l.NuMaster, l.NuEmissary = 5.9, 6, 6 },
			gate.ReasonEvidence, gate.Warmup},
		{"Emissary's bound alone", func(l *gate.Look) { l.Joint.Nu, l.NuMaster, l.LnSR = 1, 1, 0 },
			gate.ReasonHolds, gate.Collapsed},
		{"Master's bound alone", func(l *gate.Look) { l.Joint.Nu, l.NuEmissary, l.LnSR = 1, 1, 0 },
			gate.ReasonHolds, gate.Collapsed},
		{"first collapse", func(l *gate.Look) { l.LnE, l.LnSR = 7.5, 12 }, gate.ReasonFirst, gate.Accumulating},
		{"first by the e-process", func(l *gate.Look) { l.LnE, l.LnSR = 7.7, 0 }, gate.ReasonHolds, gate.Collapsed},
		{"first by the detector", func(l *gate.Look) { l.LnE = -1e6 }, gate.ReasonHolds, gate.Collapsed},
		{"correlated samples", func(l *gate.Look) { l.Correlation = 4 }, gate.ReasonEvidence, gate.Warmup},
		{"correlated, but enough", func(l *gate.Look) { l.Correlation, l.LnE, l.LnSR = 3, -9, -9 },
			gate.ReasonHolds, gate.Collapsed},
	} {
		t.Run(k.name, func(t *testing.T) {
			l := coherent(5)
			k.spoil(l)
			j := newGate(t, config()).Step(l)
			require.Equal(t, k.state, j.State)
			require.Equal(t, k.reason, j.Reason)
			require.NotEmpty(t, j.AppendReason(nil))
			require.LessOrEqual(t, j.LnP, 0.0)
			m := j.Margins
			for _, v := range []float64{m.Effect, m.Evidence, m.First, m.Mass, m.Chord, m.Fresh} {
				require.False(t, math.IsInf(v, 0) || math.IsNaN(v))
			}
		})
	}
}

// The life of a field: it holds between the two thresholds, lingers after its release, and silence ends
// what it cannot begin.
func TestHysteresisAndSilence(t *testing.T) {
	g := newGate(t, config())
	step := func(ms int64, t2 float64) gate.State {
		l := coherent(ms * 1e6)
		l.Joint.T2 = t2
		return g.Step(l).State
	}
	idle := func(ms int64, t2 float64, silence time.Duration) gate.Judgement {
		l := coherent(ms * 1e6)
		l.Joint.T2, l.Silence = t2, silence
		return g.Idle(l)
	}
	require.Equal(t, gate.Accumulating, step(0, .93))
	require.Equal(t, gate.Accumulating, idle(1, .99, 100*time.Millisecond).State, "silence opens nothing")
	require.Equal(t, gate.Collapsed, step(2, .96))
	require.Equal(t, gate.Collapsed, step(3, .91))
	require.Equal(t, gate.Collapsed, idle(4, .91, time.Millisecond).State)
	released := idle(5, .89, 2*time.Millisecond)
	require.Equal(t, gate.Dissipating, released.State)
	require.True(t, released.Changed)
	require.Equal(t, gate.Dissipating, step(6, .94))
	require.Equal(t, gate.Accumulating, step(605, .94))
	require.Equal(t, gate.Collapsed, step(606, .95))
	require.Equal(t, gate.Dissipating, step(607, .5))
	require.Equal(t, gate.Collapsed, step(608, .95))
	stale := idle(609, .99, 600*time.Millisecond)
	require.Equal(t, gate.Stale, stale.State)
	require.Equal(t, "dissipate", stale.State.Decision())
	require.False(t, idle(610, .99, time.Hour).Changed)
	require.Equal(t, gate.Accumulating, step(611, .94))
}

// However fast samples come, the gate spends one look a slot, on either side of the epoch.
func TestLooksAreCounted(t *testing.T) {
	cfg := config()
	cfg.EvalHz = 10
	for _, start := range []int64{-1e9, 0, 1 << 60} {
		g := newGate(t, cfg)
		spent := 0
		for i := range int64(1000) { // one second at 1 kHz
			l := coherent(start + i*1e6)
			l.Joint.T2 = .94
			due := g.Due(l.T)
			g.Step(l)
			require.False(t, g.Due(l.T))
			if due {
				spent++
			}
		}
		require.InDelta(t, 10, spent, 1)
		late := coherent(start + 998*1e6)
		require.Equal(t, gate.ReasonLook, g.Step(late).Reason)
		require.Equal(t, gate.Collapsed, g.Step(coherent(start+1100*1e6)).State)
	}
}

// One look at chance alone collapses no more often than half a look's budget, by the bound route.
func TestBudgetOfALookHolds(t *testing.T) {
	cfg := config()
	cfg.Threshold, cfg.Release, cfg.EvalHz, cfg.AlphaPerHour, cfg.Levels = .6, .5, 1, 3600*.02, 1
	r := rand.New(rand.NewPCG(7, 7))
	const trials = 200000
	for _, n := range []int{7, 8, 12} {
		var collapsed int
		for range trials {
			var s complex128
			for range n {
				s += cmplx.Rect(1, 2*math.Pi*r.Float64())
			}
			mean := s / complex(float64(n), 0)
			l := coherent(1)
			p := align.Pathway{T: mean, W: float64(n), Q: float64(n)}
			l.Joint = align.Join(p, p, float64(n))
			l.NuMaster, l.NuEmissary, l.LnSR, l.LnE = float64(n), float64(n), -1, 99
			if newGate(t, cfg).Step(l).State == gate.Collapsed {
				collapsed++
			}
		}
		require.LessOrEqual(t, float64(collapsed), .01*trials+4*math.Sqrt(.01*trials), "n=%d", n)
	}
}

// Under chance the first collapse of a field's life has its own budget, for ever.
func TestFirstCollapseIsRareForEver(t *testing.T) {
	cfg := config()
	cfg.AlphaPerHour, cfg.EvalHz = .4, 1000
	r := rand.New(rand.NewPCG(9, 1))
	const runs, steps = 400, 1500
	var opened int
	for range runs {
		g := newGate(t, cfg)
		var e evidence.Process
		var d evidence.Detector
		for n := range int64(steps) {
			u := cmplx.Rect(1, 2*math.Pi*r.Float64())
			e.Step(u, 1)
			d.Step(u, 1)
			l := coherent(n * 1e6)
			l.LnE, l.LnSR, l.Steps = e.LnE(), d.LnSR(), uint64(n+1)
			if g.Step(l).State == gate.Collapsed { // all but the first-collapse budget is given
				opened++
				break
			}
		}
	}
	require.LessOrEqual(t, float64(opened), .4*runs)
}

func TestNuMin(t *testing.T) {
	cfg := config()
	cfg.Levels = 1
	nu, err := newGate(t, cfg).NuMin()
	require.NoError(t, err)
	require.InDelta(t, 26.9, nu, .3) // KERNEL.md 2.3: 26.2 for the whole budget, here half of it
	l := coherent(0)
	l.LnSR, l.NuMaster, l.NuEmissary = 0, 0, 0
	l.Joint.Nu = nu - .01
	require.Equal(t, gate.ReasonEvidence, newGate(t, cfg).Step(l).Reason)
	l.Joint.Nu = nu + .01
	require.Equal(t, gate.ReasonHolds, newGate(t, cfg).Step(l).Reason)
}

func TestConfigNamesFieldValueAndRange(t *testing.T) {
	for want, spoil := range map[string]func(*gate.Config){
		"gate: gate.threshold 1: not [0.5, 1)":               func(c *gate.Config) { c.Threshold = 1 },
		"gate: gate.threshold NaN: not [0.5, 1)":             func(c *gate.Config) { c.Threshold = math.NaN() },
		"gate: gate.release 0.95: not (0, gate.threshold)":   func(c *gate.Config) { c.Release = .95 },
		"gate: align.delta 0: not (0, 2]":                    func(c *gate.Config) { c.Delta = 0 },
		"gate: gate.alpha_per_hour 0: not (0, 1000]":         func(c *gate.Config) { c.AlphaPerHour = 0 },
		"gate: gate.eval_hz +Inf: not [1e-9, 1e9]":           func(c *gate.Config) { c.EvalHz = math.Inf(1) },
		"gate: gate.min_mass 0.5: not [1, 1e12]":             func(c *gate.Config) { c.MinMass = .5 },
		"gate: gate.stale_after -1: not above 0s":            func(c *gate.Config) { c.StaleAfter = -time.Second },
		"gate: master.levels 0: not 1 or more":               func(c *gate.Config) { c.Levels = 0 },
		"gate: gate.alpha_per_hour 1 at gate.eval_hz 0.0001": func(c *gate.Config) { c.AlphaPerHour, c.EvalHz = 1, 1e-4 },
	} {
		cfg := config()
		spoil(&cfg)
		_, err := gate.New(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestStateComesBack(t *testing.T) {
	g := newGate(t, config())
	g.Step(coherent(7e6))
	b, err := g.AppendBinary(nil)
	require.NoError(t, err)
	again := newGate(t, config())
	require.NoError(t, again.UnmarshalBinary(b))
	require.Equal(t, g, again)
	for cut := range b {
		require.Error(t, again.UnmarshalBinary(b[:cut]))
	}
	for i, bad := range map[int]byte{0: 9, 1: 6, 2: 4} {
		spoilt := append([]byte(nil), b...)
		spoilt[i] = bad
		require.Error(t, again.UnmarshalBinary(spoilt))
	}
	require.Error(t, again.UnmarshalBinary(append(b, 0)))
	require.Equal(t, g, again)
}

func TestStepDoesNotAllocate(t *testing.T) {
	g, l, dst := newGate(t, config()), coherent(0), make([]byte, 0, 256)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		l.T += 1e6
		j := g.Step(l)
		dst = j.AppendReason(dst[:0])
	}))
}

func ExampleGate_Step() {
	g, _ := gate.New(gate.Config{
		Threshold: .95, Release: .9, Delta: .1, AlphaPerHour: 1e-3, EvalHz: 1000,
		MinMass: 3, StaleAfter: time.Second, Levels: 1,
	})
	// A single sample is perfectly coherent, and says nothing.
	j := g.Step(&gate.Look{Joint: align.Joint{T2: 1, Nu: 1}, NuMaster: 1, NuEmissary: 1, Mass: 1, Correlation: 1})
	fmt.Printf("%s: %s\n", j.State, j.AppendReason(nil))
	// Output: warmup: mass: 2 samples short
}
