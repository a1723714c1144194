package kairos_test

import (
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

var ladderConfig = kairos.LadderConfig{
	Slot: time.Millisecond, Blocks: 5, Base: 3, Levels: 5, N0: 1,
	Horizon: 2 * time.Second, Partner: 20 * time.Millisecond,
}

func ladder(t testing.TB, cfg kairos.LadderConfig) *kairos.Ladder {
	t.Helper()
	l, err := kairos.NewLadder(cfg)
	require.NoError(t, err)
	return l
}

// stairs is the definition: every term weighed anew at the instant at.
func stairs(cfg kairos.LadderConfig, j int, terms []kairos.Term, at int64) (r naiveSums, cross float64) {
	width := float64(cfg.Slot) * math.Pow(float64(cfg.Base), float64(j))
	block := func(t int64) float64 { return math.Floor(float64(t) / width) }
	var w2 float64
	for _, t := range terms {
		w := t.Weight * math.Exp(-(block(at)-block(t.T))/float64(cfg.Blocks))
		sign := float64(t.Sign)
		a := w * cmplx.Abs(t.P)
		r.s += complex(sign*w, 0) * t.P
		r.w, r.q = r.w+sign*w, r.q+sign*w*w
		r.a1, r.a2 = r.a1+sign*a, r.a2+sign*a*a
		r.ex, r.ey = r.ex+sign*w*t.Ex, r.ey+sign*w*t.Ey
		w2 += sign * w * t.Weight * math.Exp(-float64(at-t.T)/float64(cfg.Partner))
		if t.Weight > 0 {
			r.n += int(sign)
		}
	}
	r.t, r.nu = r.s/complex(r.w, 0), r.w*r.w/r.q
	if cfg.Reading == phase.ByEnergy {
		r.t, r.nu = r.s/complex(math.Sqrt(r.ex*r.ey), 0), min(r.nu, r.a1*r.a1/r.a2)
	}
	return r, w2
}

// drawTerms makes n terms with slots of several terms, jitter, gaps, late ones and ones taken back, on both
// sides of t = 0.
func drawTerms(seed uint64, n int) []kairos.Term {
	r := signal.Rand(seed)
	t := -int64(n) * 300_000
	var out []kairos.Term
	for k := range n {
		t += int64(r.Uint64() % 1_500_000)
		if r.Uint64()%40 == 0 {
			t += int64(r.Uint64() % 200_000_000)
		}
		x, y := 1+r.Float64(), 1+r.Float64()
		v := kairos.Term{T: t, P: r.Circle()*complex(0.5*r.Float64(), 0) + 0.5, Ex: x, Ey: y, Weight: r.Float64(), Sign: 1, Fresh: true}
		switch r.Uint64() % 8 {
		case 0:
			v.Weight = 0
		case 1:
			v.T -= int64(r.Uint64() % 1_000_000_000)
		case 2:
			if k > 0 {
				v = out[r.Uint64()%uint64(len(out))]
				if v.T > t-1_900_000_000 && v.Sign > 0 && v.Weight > 0 {
					v.Sign, v.Fresh = -1, false
					out = append(out, v)
					v.Sign, v.P = 1, r.Circle()
				} else {
					v.T, v.Sign = t, 1
				}
			}
		}
		out = append(out, v)
	}
	return out
}

// TestLadderAgainstTheDefinition compares every level, as terms come and after silence.
func TestLadderAgainstTheDefinition(t *testing.T) {
	for _, reading := range []phase.Reading{phase.ByPhase, phase.ByEnergy} {
		for _, base := range []int{2, 3, 4, 7} {
			cfg := ladderConfig
			cfg.Reading, cfg.Base = reading, base
			l := ladder(t, cfg)
			terms := drawTerms(uint64(base), 500)
			var spectrum []kairos.Resonance
			for k, v := range terms {
				require.NoError(t, l.Add(v))
				if k%23 != 22 {
					continue
				}
				end, ok := l.Newest()
				require.True(t, ok)
				for _, at := range []int64{end, end + 1, end + 700_000, end + 1_000_000, end + 37_000_000} {
					spectrum = l.Spectrum(spectrum[:0], at)
					require.Len(t, spectrum, cfg.Levels)
					for j := range cfg.Levels {
						want, cross := stairs(cfg, j, terms[:k+1], at)
						got := l.ReadAt(j, at)
						if reading == phase.ByPhase {
							require.Zero(t, got.Ex+got.Ey+got.A1+got.A2)
							got.Ex, got.Ey, got.A1, got.A2 = want.ex, want.ey, want.a1, want.a2
						}
						requireSame(t, want, got)
						require.InEpsilon(t, cross, l.Cross(j, at), 1e-10, j)
						require.Equal(t, at, got.At)
						require.InDelta(t, got.T2, spectrum[j].T2, 1e-13)
						require.InEpsilon(t, got.W, spectrum[j].W, 1e-13)
					}
				}
				require.Equal(t, l.ReadAt(3, end), l.Read(3))
				require.Equal(t, l.Read(3), l.ReadAt(3, end-1e9))
			}
		}
	}
}

// TestLadderOfTheDesign: with a term a slot, level j is e^(-1/50) applied once per 4^j terms to block sums,
// W has the closed form of that, and a steady stream comes to nu = (1+L)/(1-L) blocks at the full ones.
func TestLadderOfTheDesign(t *testing.T) {
	l := ladder(t, kairos.LadderConfig{Slot: 1}) // a sample a slot: r = 50, b = 4, J = 11
	require.Equal(t, 11, l.Levels())
	require.Equal(t, time.Duration(50), l.Tau(0))
	require.Equal(t, time.Duration(52_428_800), l.Tau(10)) // KERNEL.md 1.8: 5.2e7 samples
	n := 1 << 16
	lambda := math.Exp(-1. / 50)
	for k := range n {
		require.NoError(t, l.Add(kairos.Term{T: int64(k), P: 1, Ex: 1, Ey: 1, Weight: 1, Sign: 1}))
	}
	for j := range 9 {
		size := float64(int(1) << (2 * j))
		blocks := float64(n) / size
		r := l.Read(j)
		require.InEpsilon(t, size*(1-math.Pow(lambda, blocks))/(1-lambda), r.W, 1e-11, j)
		require.InEpsilon(t, size*(1-math.Pow(lambda, 2*blocks))/(1-lambda*lambda), r.Q, 1e-11, j)
		require.InDelta(t, 1, r.T2, 1e-15)
	}
	require.InEpsilon(t, (1+lambda)/(1-lambda), l.Read(0).Nu, 1e-9)
	require.Equal(t, 5, l.Settled(), "50·4^5 = 51200 of 65535")
}

func TestDefaultLadder(t *testing.T) {
	require.Equal(t, 11, kairos.DefaultLadder(time.Second).Levels)
	require.Equal(t, 20*time.Millisecond, kairos.DefaultLadder(time.Second).Slot)
	for _, tau := range []time.Duration{50, time.Hour, 24 * 365 * time.Hour, math.MaxInt64} {
		l := ladder(t, kairos.DefaultLadder(tau))
		require.Positive(t, l.Tau(l.Levels()-1), tau)
	}
	require.ErrorContains(t, kairos.DefaultLadder(49).Validate(), "slot 0s")
}

// TestLadderMerge: two ladders that heard halves of a stream, at different times, pool to one that heard all.
func TestLadderMerge(t *testing.T) {
	all := drawTerms(12, 600)
	for i, split := range []func(k int) bool{
		func(k int) bool { return k%2 == 0 },
		func(k int) bool { return k < 300 },
		func(k int) bool { return k > 300 },
		func(int) bool { return true },
		func(int) bool { return false },
	} {
		cfg := ladderConfig
		cfg.Reading = phase.Reading(i % 2)
		a, b, pooled := ladder(t, cfg), ladder(t, cfg), ladder(t, cfg)
		kept := map[bool]int{}
		for k, v := range all {
			if v.Sign < 0 {
				v.Sign = 1
			}
			half := a
			if !split(k) {
				half = b
			}
			if half.Add(v) != nil {
				continue
			}
			kept[split(k)]++
			wide := v
			require.NoError(t, pooled.Add(wide))
		}
		before, _ := b.AppendBinary(nil)
		require.NoError(t, a.Merge(b))
		after, _ := b.AppendBinary(nil)
		require.Equal(t, before, after)
		end, _ := pooled.Newest()
		for j := range a.Levels() {
			for _, at := range []int64{end, end + 5e7} {
				x, y := pooled.ReadAt(j, at), a.ReadAt(j, at)
				require.Equal(t, x.N, y.N)
				require.InDelta(t, 0, cmplx.Abs(x.T-y.T), 1e-12)
				require.InEpsilon(t, x.W, y.W, 1e-12)
				require.InEpsilon(t, x.Nu, y.Nu, 1e-12)
				require.InDelta(t, x.Ex, y.Ex, 1e-12*x.W)
				require.InEpsilon(t, pooled.Cross(j, at), a.Cross(j, at), 1e-10)
			}
		}
		more := kairos.Term{T: end + 1e8, P: 1i, Ex: 1, Ey: 1, Weight: 1, Sign: 1}
		require.NoError(t, a.Add(more))
		require.NoError(t, pooled.Add(more))
		require.InEpsilon(t, pooled.Read(4).W, a.Read(4).W, 1e-12)
		require.Equal(t, pooled.Settled(), a.Settled())
	}
	other := ladderConfig
	other.Blocks = 6
	require.ErrorContains(t, ladder(t, ladderConfig).Merge(ladder(t, other)), "different configs")
}

func TestLadderRestore(t *testing.T) {
	l, twin := ladder(t, ladderConfig), ladder(t, ladderConfig)
	var data []byte
	for k, v := range drawTerms(3, 400) {
		require.NoError(t, l.Add(v))
		require.NoError(t, twin.Add(v))
		if k%10 == 0 {
			var err error
			data, err = twin.AppendBinary(nil)
			require.NoError(t, err)
			twin = ladder(t, ladderConfig)
			require.NoError(t, twin.UnmarshalBinary(data))
		}
	}
	end, _ := l.Newest()
	for j := range l.Levels() {
		require.Equal(t, l.ReadAt(j, end+1e7), twin.ReadAt(j, end+1e7))
		require.Equal(t, l.Cross(j, end), twin.Cross(j, end))
	}
	for cut := range len(data) {
		require.Error(t, twin.UnmarshalBinary(data[:cut]))
	}
	other := ladderConfig
	other.Levels = 4
	require.ErrorContains(t, ladder(t, other).UnmarshalBinary(data), "want 4")
	l.Reset()
	require.Zero(t, l.Read(2))
	require.Zero(t, l.Cross(2, 0))
	_, ok := l.Newest()
	require.False(t, ok)
}

// TestLadderEnds: the extremes of time neither overflow nor poison.
func TestLadderEnds(t *testing.T) {
	l := ladder(t, kairos.LadderConfig{Slot: 7, Horizon: time.Hour, Partner: time.Second})
	at := []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64, math.MaxInt64}
	for _, t0 := range at {
		require.NoError(t, l.Add(kairos.Term{T: t0, P: 1, Ex: 1, Ey: 1, Weight: 1, Sign: 1}))
		for j := range l.Levels() {
			r := l.Read(j)
			require.InDelta(t, 1, r.T2, 1e-12)
			require.GreaterOrEqual(t, r.W, 1.0)
			require.GreaterOrEqual(t, r.Nu, 1-1e-12)
			require.False(t, math.IsNaN(l.Cross(j, math.MaxInt64)))
		}
	}
	require.InDelta(t, 2+math.Exp(-1./50), l.Read(0).W, 1e-12, "three terms in two slots")
	require.ErrorIs(t, l.Add(kairos.Term{T: 0, Weight: 1, Sign: 1}), kairos.ErrLate)
	require.Error(t, l.Add(kairos.Term{T: math.MaxInt64, P: complex(math.NaN(), 0), Weight: 1, Sign: 1}))
	require.InDelta(t, 2+math.Exp(-1./50), l.Read(0).W, 1e-12, "three terms in two slots")
}

func TestLadderConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*kairos.LadderConfig){
		"levels 65": func(c *kairos.LadderConfig) { c.Levels = 65 },
		"slot 0s":   func(c *kairos.LadderConfig) { c.Slot = 0 },
		"blocks -1": func(c *kairos.LadderConfig) { c.Blocks = -1 },
		"base 1":    func(c *kairos.LadderConfig) { c.Base = 1 },
		"292 years": func(c *kairos.LadderConfig) { c.Levels = 40 },
		"horizon":   func(c *kairos.LadderConfig) { c.Horizon = -1 },
		"partner":   func(c *kairos.LadderConfig) { c.Partner = -1 },
		"n0":        func(c *kairos.LadderConfig) { c.N0 = math.NaN() },
		"reading":   func(c *kairos.LadderConfig) { c.Reading = 3 },
	} {
		cfg := ladderConfig
		change(&cfg)
		_, err := kairos.NewLadder(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestLadderAllocatesNothing(t *testing.T) {
	l := ladder(t, ladderConfig)
	term := kairos.Term{P: 1, Ex: 1, Ey: 1, Weight: 1, Sign: 1}
	spectrum := make([]kairos.Resonance, 0, l.Levels())
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		term.T += 1_000_003
		if err := l.Add(term); err != nil || len(l.Spectrum(spectrum, term.T)) != 5 {
			t.Fatal(err)
		}
	}))
}

// FuzzLadder: whatever comes, |T| <= 1, and the order of arrival changes nothing.
func FuzzLadder(f *testing.F) {
	f.Add(uint64(1), int64(0), uint16(100))
	f.Add(uint64(2), int64(math.MaxInt64-1e12), uint16(300))
	f.Add(uint64(3), int64(-1e18), uint16(7))
	f.Add(uint64(94), int64(-1e18), uint16(2)) // a late term alone, of a mass below what counts
	f.Fuzz(func(t *testing.T, seed uint64, origin int64, n uint16) {
		cfg := ladderConfig
		cfg.Horizon = math.MaxInt64
		r := signal.Rand(seed)
		terms := drawTerms(seed, int(n%512)+1)
		forth, mixed := ladder(t, cfg), ladder(t, cfg)
		kept := terms[:0]
		for _, v := range terms {
			if v.T += origin; v.Sign > 0 {
				kept = append(kept, v)
				require.NoError(t, forth.Add(v))
			}
		}
		for k := len(kept) - 1; k >= 0; k-- {
			i := r.Uint64() % uint64(k+1)
			kept[k], kept[i] = kept[i], kept[k]
			require.NoError(t, mixed.Add(kept[k]))
		}
		for j := range forth.Levels() {
			a, b := forth.Read(j), mixed.Read(j)
			require.LessOrEqual(t, a.T2, 1+1e-12)
			require.InDelta(t, a.W, b.W, 1e-12*a.W+1e-28)
			if a.W > 1e-15 { // below 1e-30 a mass counts as none, and some have passed there
				require.InDelta(t, 0, cmplx.Abs(a.T-b.T), 1e-12)
			}
		}
	})
}

func ExampleLadder() {
	l, err := kairos.NewLadder(kairos.LadderConfig{Slot: time.Millisecond, Levels: 4, N0: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := signal.Rand(1)
	for k := range int64(20_000) { // ten seconds of chance, then ten of agreement
		p := r.Circle()
		if k >= 10_000 {
			p = 1
		}
		if err := l.Add(kairos.Term{T: k * 1e6, P: p, Ex: 1, Ey: 1, Weight: 1, Sign: 1}); err != nil {
			fmt.Println(err)
			return
		}
	}
	for j := range l.Levels() {
		fmt.Printf("%v: %.2f\n", l.Tau(j), l.Read(j).T2)
	}
	// Output:
	// 50ms: 1.00
	// 200ms: 1.00
	// 800ms: 1.00
	// 3.2s: 0.92
}
