package clock_test

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/clock"
	"github.com/becomingone/becomingone/kernel/signal"
)

// lan makes probes over a simulated network: each way takes 150 µs + Exp(80 µs), in ns.
type lan struct {
	r      signal.Rand
	offset int64   // theirs less ours at t = 0
	rate   float64 // ppb by which theirs gains
}

func (l *lan) way() int64 { return 150_000 + int64(-80_000*math.Log1p(-l.r.Float64())) }

func (l *lan) theirs(t int64) int64 { return t + l.offset + int64(math.Round(float64(t)*l.rate*1e-9)) }

func (l *lan) probe(t int64) clock.Probe {
	arrive := t + l.way()
	leave := arrive + 20_000
	return clock.Probe{T1: t, T2: l.theirs(arrive), T3: l.theirs(leave), T4: leave + l.way()}
}

func TestProbeIsExact(t *testing.T) {
	r := signal.Rand(1)
	for range 2000 {
		truth := int64(r.Uint64()) >> 2
		t1 := int64(r.Uint64()) >> 2
		out, busy, back := int64(r.Uint64()>>34), int64(r.Uint64()>>34), int64(r.Uint64()>>34)
		p := clock.Probe{T1: t1, T2: t1 + out + truth, T3: t1 + out + busy + truth, T4: t1 + out + busy + back}
		in, err := p.Interval()
		require.NoError(t, err)
		require.True(t, in.Contains(truth))
		require.EqualValues(t, out+back, in.Width(), "delta is the time on the wire")
		require.LessOrEqual(t, math.Abs(float64(in.Mid()-truth)), float64(in.Half()))
		require.EqualValues(t, truth+(out-back)>>1, in.Mid(), "asymmetry is what is left")
	}
}

func TestProbeRefusesContradictions(t *testing.T) {
	for want, p := range map[string]clock.Probe{
		"before t1":    {T1: 5, T4: 4},
		"before t2":    {T2: 5, T3: 4, T4: 9},
		"took longer":  {T1: 0, T2: 10, T3: 20, T4: 5},
		"not in int64": {T1: math.MinInt64, T2: math.MaxInt64, T3: math.MaxInt64, T4: math.MinInt64},
	} {
		_, err := p.Interval()
		require.ErrorContains(t, err, want)
		require.Error(t, clock.NewFilter(clock.Config{}).Add(p))
	}
}

// The arithmetic of intervals agrees with unbounded integers, at the ends of int64 too.
func FuzzInterval(f *testing.F) {
	f.Add(int64(math.MinInt64), int64(math.MaxInt64), uint64(math.MaxUint64), uint32(math.MaxUint32))
	f.Add(int64(-3), int64(4), uint64(2), uint32(20_000))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), uint64(1), uint32(1))
	f.Fuzz(func(t *testing.T, lo, hi int64, ns uint64, ppb uint32) {
		lo, hi = min(lo, hi), max(lo, hi)
		i := clock.Interval{Lo: lo, Hi: hi}
		a, b := big.NewInt(lo), big.NewInt(hi)
		require.Equal(t, new(big.Int).Rsh(new(big.Int).Add(a, b), 1).Int64(), i.Mid())
		require.Equal(t, new(big.Int).Sub(b, a).Uint64(), i.Width())
		wide := i.Widen(ns)
		n := new(big.Int).SetUint64(ns)
		require.Equal(t, clamp(new(big.Int).Sub(a, n)), wide.Lo)
		require.Equal(t, clamp(new(big.Int).Add(b, n)), wide.Hi)
		over := new(big.Int).Mul(n, big.NewInt(int64(ppb)))
		over.Add(over, big.NewInt(999_999_999)).Div(over, big.NewInt(1_000_000_000))
		got := clock.Drift(ppb).Over(ns)
		if over.IsUint64() {
			require.Equal(t, over.Uint64(), got)
		} else {
			require.Equal(t, uint64(math.MaxUint64), got)
		}
	})
}

func clamp(v *big.Int) int64 {
	if v.IsInt64() {
		return v.Int64()
	}
	if v.Sign() < 0 {
		return math.MinInt64
	}
	return math.MaxInt64
}

// Whatever a peer sends, the filter keeps its promises: the guess is inside the guarantee, or no guess.
func FuzzFilter(f *testing.F) {
	f.Add(int64(0), int64(900), int64(1000), int64(1500), int64(2000), true)
	f.Add(int64(math.MinInt64), int64(-1), int64(0), int64(math.MaxInt64), int64(math.MinInt64), true)
	f.Fuzz(func(t *testing.T, t1, t2, t3, t4, now int64, fit bool) {
		filter := clock.NewFilter(clock.Config{Drift: clock.DefaultDrift, Fit: fit})
		for _, p := range []clock.Probe{
			{T1: t1, T2: t2, T3: t3, T4: t4}, {T1: t1, T2: t2 - 7, T3: t3 + 5, T4: t4}, {T1: t2, T2: t1, T3: t4, T4: t3},
		} {
			_ = filter.Add(p)
			if e, ok := filter.At(now); ok {
				require.LessOrEqual(t, e.In.Lo, e.In.Hi)
				require.True(t, e.In.Contains(e.Offset))
				require.False(t, math.IsNaN(e.Rate))
			}
		}
	})
}

// lanTrial is what one filter made of 64 probes: mean square error of one, error of their mean and of the
// filter's guess, half-width of the best probe and of the intersection; ns.
type lanTrial struct{ single, mean, err, half, hull float64 }

func runLAN(t *testing.T, seed uint64) (o lanTrial) {
	l := lan{r: signal.Rand(seed), offset: 123_456_789}
	f := clock.NewFilter(clock.Config{})
	for k := range clock.Kept {
		p := l.probe(int64(k) * 10_000_000)
		require.NoError(t, f.Add(p))
		in, err := p.Interval()
		require.NoError(t, err)
		require.True(t, in.Contains(l.offset))
		e := float64(in.Mid() - l.offset)
		o.mean += e / clock.Kept
		o.single += e * e / clock.Kept
	}
	e, ok := f.At(640_000_000)
	require.True(t, ok)
	require.True(t, e.In.Contains(l.offset))
	o.err, o.half, o.hull = float64(e.Offset-l.offset), float64(e.Delay)/2, float64(e.In.Width())/2
	return o
}

// Case 12's simulated LAN, drawn from its model: errors as published and every bound held.
func TestFilterOnALAN(t *testing.T) {
	const trials = 4000
	var single, mean, filtered, half, hull float64
	errs := make([]float64, 0, trials)
	for trial := range trials {
		o := runLAN(t, uint64(trial)*977)
		single, mean, filtered = single+o.single, mean+o.mean*o.mean, filtered+o.err*o.err
		half, hull = half+o.half, hull+o.hull
		errs = append(errs, math.Abs(o.err))
	}
	slices.Sort(errs)
	us := func(v float64) float64 { return v / 1000 }
	rms := func(v float64) float64 { return us(math.Sqrt(v / trials)) }
	t.Logf("rms µs: single %.2f, mean %.2f, filter %.2f, p99 %.2f; half-width %.1f, intersection %.1f",
		rms(single), rms(mean), rms(filtered), us(errs[trials*99/100]), us(half/trials), us(hull/trials))
	require.InEpsilon(t, 80/math.Sqrt2, rms(single), .1)
	require.InEpsilon(t, 80/math.Sqrt2/8, rms(mean), .1)
	want := reference(t)
	require.InEpsilon(t, want.Single, rms(single), .1)
	require.InEpsilon(t, want.Filter, rms(filtered), .1)
	require.InEpsilon(t, want.P99, us(errs[trials*99/100]), .1)
	require.InEpsilon(t, want.Half, us(half/trials), .1)
	require.InEpsilon(t, want.Hull, us(hull/trials), .1)
	require.LessOrEqual(t, rms(filtered), 5.0, "the goal of KERNEL.md 4.3")
}

func TestHoldoverGrowsByTheDrift(t *testing.T) {
	f := clock.NewFilter(clock.Config{Drift: 20_000})
	require.NoError(t, f.Add(clock.Probe{T1: 0, T2: 1_100, T3: 1_100, T4: 200}))
	at, ok := f.At(100)
	require.True(t, ok)
	require.EqualValues(t, 1000, at.Offset)
	require.EqualValues(t, 101, at.Err(), "half the delay, and the drift within the exchange rounded up")
	for _, s := range []int64{1, 30, 3600} {
		later, _ := f.At(100 + s*1_000_000_000)
		require.EqualValues(t, at.Err()+uint64(20_000*s), later.Err(), "20 µs a second")
		require.EqualValues(t, s*1_000_000_000, later.Age)
		require.Equal(t, at.Offset, later.Offset)
	}
}

// A clock that gains 15 ppm stays inside its bound over minutes, and the line follows its rate.
func TestDriftStaysInsideAndIsFitted(t *testing.T) {
	for seed := range uint64(40) {
		l := lan{r: signal.Rand(seed), offset: -5_000_000, rate: 15_000}
		held := clock.NewFilter(clock.Config{Drift: 20_000})
		fitted := clock.NewFilter(clock.Config{Drift: 20_000, Fit: true})
		var now int64
		for k := range int64(300) {
			now = k * 1_000_000_000
			p := l.probe(now)
			require.NoError(t, held.Add(p))
			require.NoError(t, fitted.Add(p))
			now += 1_000_000
			for _, f := range []*clock.Filter{held, fitted} {
				e, _ := f.At(now)
				require.True(t, e.In.Contains(l.theirs(now)-now))
			}
		}
		now += 30_000_000_000
		truth := l.theirs(now) - now
		a, _ := held.At(now)
		b, _ := fitted.At(now)
		require.True(t, a.In.Contains(truth) && b.In.Contains(truth))
		require.InDelta(t, 15_000, b.Rate, 3_000, seed)
		require.Less(t, math.Abs(float64(b.Offset-truth)), math.Abs(float64(a.Offset-truth)), seed)
	}
}

func TestClockThatWasSet(t *testing.T) {
	l := lan{r: 5, offset: 1_000}
	f := clock.NewFilter(clock.Config{Drift: clock.DefaultDrift})
	for k := range int64(10) {
		require.NoError(t, f.Add(l.probe(k*1_000_000_000)))
	}
	require.Zero(t, f.Steps())
	l.offset = 3_600_000_000_000
	require.NoError(t, f.Add(l.probe(10_000_000_000)))
	require.EqualValues(t, 1, f.Steps())
	e, ok := f.At(10_001_000_000)
	require.True(t, ok)
	require.Equal(t, 1, e.Probes)
	require.True(t, e.In.Contains(l.offset))
	require.ErrorContains(t, f.Add(clock.Probe{T1: 1, T2: 2, T3: 3, T4: 4}), "before the newest")
	require.EqualValues(t, 1, f.Late())
}

func TestPhaseError(t *testing.T) {
	for _, ns := range []uint64{100, 5_000, 50_000, 1_000_000, 5_000_000} {
		for _, hz := range []float64{1 / math.Pi, 1, 100, 1000} {
			require.InEpsilon(t, 2*math.Pi*hz*float64(ns)*1e-9, clock.PhaseError(hz, ns), 1e-14)
		}
	}
	require.InEpsilon(t, 3183, clock.HzWithin(.1, 5_000), 1e-3) // KERNEL.md 4.3: 3.2 kHz, 318 Hz, 3.2 Hz
	require.InEpsilon(t, 318.3, clock.HzWithin(.1, 50_000), 1e-3)
	require.InEpsilon(t, 3.183, clock.HzWithin(.1, 5_000_000), 1e-3)
	require.True(t, math.IsInf(clock.HzWithin(.1, 0), 1))
}

func TestNoAllocations(t *testing.T) {
	l := lan{r: 1}
	f := clock.NewFilter(clock.Config{Drift: clock.DefaultDrift, Fit: true})
	var now int64
	four := []clock.Interval{{Lo: 0, Hi: 5}, {Lo: 3, Hi: 7}, {Lo: 4, Hi: 9}, {Lo: 80, Hi: 90}}
	require.Zero(t, testing.AllocsPerRun(500, func() {
		now += 10_000_000
		if f.Add(l.probe(now)) != nil {
			t.Fatal("probe refused")
		}
		f.At(now)
		if _, err := clock.Agree(four, 1); err != nil {
			t.Fatal(err)
		}
	}))
}

func BenchmarkFilter(b *testing.B) {
	for _, fit := range []bool{false, true} {
		b.Run(fmt.Sprintf("fit=%v", fit), func(b *testing.B) {
			l := lan{r: 1}
			f := clock.NewFilter(clock.Config{Drift: clock.DefaultDrift, Fit: fit})
			for k := range int64(clock.Kept) {
				require.NoError(b, f.Add(l.probe(k*10_000_000)))
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := f.At(640_000_000); !ok {
					b.Fatal("empty")
				}
			}
		})
	}
}
