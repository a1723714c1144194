package observer_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/observer"
	"github.com/becomingone/becomingone/kernel/signal"
)

// source makes observations of six local levels, each with noise sd and steps of sqrt(ratio)·sd.
type source struct {
	r         signal.Rand
	sd, ratio float64
	x         [4]float64
	k         int64
	bend      func(k int64, y *[4]float64) // spoils the model
}

func (s *source) next() observer.Observation {
	var y [4]float64
	for i := range y {
		s.x[i] += math.Sqrt(s.ratio) * s.sd * s.r.Gauss()
		y[i] = s.x[i] + s.sd*s.r.Gauss()
	}
	if s.bend != nil {
		s.bend(s.k, &y)
	}
	s.k++
	return observer.Observation{
		At: s.k * 1_000_000, Master: complex(y[0], y[1]), Emissary: complex(y[2], y[3]),
		Cost: int64(400 * math.Exp(.05*s.r.Gauss())), Jitter: int64(20_000 * s.r.Gauss()),
	}
}

func newObserver(t testing.TB) *observer.Observer {
	t.Helper()
	o, err := observer.New(observer.Config{})
	require.NoError(t, err)
	return o
}

// run feeds n observations and calls each after every whole block.
func run(t testing.TB, o *observer.Observer, s *source, n int, each func(observer.Report)) {
	t.Helper()
	blocks := o.Report().Blocks
	for k := range n {
		require.NoError(t, o.Observe(s.next()))
		if k%16 == 0 || each == nil {
			continue
		}
		if r := o.Report(); r.Blocks != blocks {
			blocks = r.Blocks
			each(r)
		}
	}
}

func TestCase13Riccati(t *testing.T) {
	type row struct {
		Q, R        float64
		Fixed       float64 `json:"p_star"`
		Gain        float64 `json:"K_star"`
		Contraction float64
		State       float64 `json:"state_contraction"`
		Iter        []float64
	}
	rows := []row{ // the closed forms of the file, for a clone without it
		{Q: 1e-4, R: 1e-2, Fixed: .0009512492197250394, Gain: .09512492197250394, Contraction: .8187989068352672, State: .9048750780274961, Iter: []float64{10, .009990010089809294}},
		{Q: 1e-2, R: 1e-2, Fixed: .0061803398874989484, Gain: .6180339887498949, Contraction: .1458980337503154, State: .3819660112501051, Iter: []float64{10, .00999001996007984}},
	}
	dir, err := filepath.Abs("../../../shared/cases/13_witness_riccati.json")
	require.NoError(t, err)
	if b, err := os.ReadFile(dir); err == nil {
		var c struct {
			Cases     []row
			Tolerance float64
		}
		require.NoError(t, json.Unmarshal(b, &c))
		require.Len(t, c.Cases, 3)
		require.Equal(t, 1e-12, c.Tolerance)
		rows = append(rows, c.Cases...)
	} else {
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	for _, v := range rows {
		g := observer.Riccati{Q: v.Q, R: v.R}
		require.InDelta(t, v.Fixed, g.Fixed(), 1e-12)
		require.InDelta(t, v.Gain, g.Gain(g.Fixed()), 1e-12)
		require.InDelta(t, v.Contraction, g.Slope(g.Fixed()), 1e-12)
		require.InDelta(t, v.State, 1-g.Gain(g.Fixed()), 1e-12)
		p := v.Iter[0]
		for k, want := range v.Iter {
			require.InDelta(t, want, p, 1e-12, "q %v iterate %d", v.Q, k)
			p = g.Next(p)
		}
	}
}

func TestGoldenRatio(t *testing.T) {
	golden := (math.Sqrt(5) - 1) / 2
	for _, v := range []float64{1e-12, .01, 1, 1e30} {
		g := observer.Riccati{Q: v, R: v}
		require.InEpsilon(t, golden*v, g.Fixed(), 1e-15)
		require.InEpsilon(t, golden, g.Gain(g.Fixed()), 1e-15)
		require.InEpsilon(t, (1-golden)*(1-golden), g.Slope(g.Fixed()), 1e-14)
		require.InEpsilon(t, g.Fixed(), g.Next(g.Fixed()), 1e-15)
	}
}

// TestBanachBoundHolds: the bound of every step holds, from above and below.
func TestBanachBoundHolds(t *testing.T) {
	r := signal.Rand(2)
	for range 2000 {
		g := observer.Riccati{Q: math.Exp(10*r.Float64() - 5), R: math.Exp(10*r.Float64() - 5)}
		p := math.Exp(20*r.Float64() - 10)
		for range 30 {
			next := g.Next(p)
			slack := 1e-13 * g.Fixed() / (1 - g.Slope(min(p, next)))
			require.GreaterOrEqual(t, g.Bound(p, next)+slack, math.Abs(next-g.Fixed()))
			p = next
		}
		p = g.Fixed() * 1.001
		require.InEpsilon(t, g.Next(p)-g.Fixed(), g.Bound(p, g.Next(p)), 1e-2, "and near P* it is sharp")
	}
	require.True(t, math.IsInf(observer.Riccati{Q: 1e-40, R: 1}.Bound(1, .5), 1), "almost no steps, no contraction that a float holds")
}

// TestContractionIsSquareOfOneMinusGain: what the observer measures of its own variance while it converges
// is (1-K*)², in every filter of both levels.
func TestContractionIsSquareOfOneMinusGain(t *testing.T) {
	for _, ratio := range []float64{.01, .1, 1} {
		o := newObserver(t)
		s := &source{r: 5, sd: 1e-3, ratio: ratio}
		seen := 0
		run(t, o, s, 3000, nil)
		r := o.Report()
		for i := range r.One {
			for _, l := range []observer.Line{r.One[i], r.Two[i]} {
				f := l.Filter
				if f.Contraction == 0 {
					continue
				}
				seen++
				require.InEpsilon(t, f.Theory, f.Contraction, 2e-4, "%v of ratio %v", observer.Quantity(i), ratio)
				require.LessOrEqual(t, math.Abs(f.Variance-f.Fixed), f.Banach+f.Residual+1e-14*f.Fixed)
			}
		}
		require.Greater(t, seen, 8, ratio)
		require.True(t, r.Converged)
		for _, l := range r.One {
			require.LessOrEqual(t, l.Filter.Residual, 1e-6*l.Filter.Fixed)
			require.InDelta(t, (1-l.Filter.Gain)*(1-l.Filter.Gain), l.Filter.Theory, 1e-6)
		}
	}
}

// TestCalibratedOnLocalLevels: where the data are what the filters assume, the report says so, but for 1 %
// of the blocks and what the estimates of q and r add to that; and a third level would hear white noise.
func TestCalibratedOnLocalLevels(t *testing.T) {
	for i, ratio := range []float64{0, .01, .1, 1, 10, 100} {
		judged, calibrated, white := 0.0, 0.0, 0.0
		for seed := range uint64(6) {
			s := &source{r: signal.Rand(seed + 100*uint64(i)), sd: 1e-4, ratio: ratio}
			run(t, newObserver(t), s, 2+60*256, func(r observer.Report) {
				if r.Blocks < 4 {
					require.Equal(t, observer.Warming, r.Reason)
					require.Empty(t, r.Of)
					return
				}
				judged++
				if r.Calibrated {
					calibrated++
					require.Equal(t, observer.Calibrated, r.Reason)
				}
				if r.White {
					white++
				}
			})
		}
		require.Greater(t, judged, 300.0)
		allowed := .02 + 4*math.Sqrt(.02/judged)
		require.Greater(t, calibrated/judged, 1-allowed, ratio)
		require.Greater(t, white/judged, 1-allowed, ratio)
	}
}

// mismatch spoils the model from observation bentAt on; least of the twelve blocks behind it are called one
// of want.
type mismatch struct {
	name  string
	least int
	bend  func(k int64, y *[4]float64)
	want  []observer.Reason
}

const (
	sd     = 1e-4
	bentAt = 20 * 256
)

func mismatches() []mismatch {
	noise := signal.Rand(77)
	student := func() float64 { // 3 degrees of freedom
		a, b, c := noise.Gauss(), noise.Gauss(), noise.Gauss()
		return noise.Gauss() / math.Sqrt((a*a+b*b+c*c)/3)
	}
	return []mismatch{
		{"step", 1, func(k int64, y *[4]float64) {
			if k > bentAt+100 {
				y[0] += 20 * sd
			}
		}, []observer.Reason{observer.Surprised}},
		{"louder", 10, func(k int64, y *[4]float64) {
			if k > bentAt {
				y[1] += 2 * sd * noise.Gauss()
			}
		}, []observer.Reason{observer.Surprised}},
		{"quieter", 10, func(k int64, y *[4]float64) {
			if k > bentAt {
				y[1] *= .5
			}
		}, []observer.Reason{observer.TooSure}},
		{"drift", 10, func(k int64, y *[4]float64) {
			y[2] += .15 * sd * float64(max(k-bentAt, 0))
		}, []observer.Reason{observer.Surprised, observer.Biased, observer.Correlated}},
		{"heavy tails", 5, func(k int64, y *[4]float64) {
			y[3] += sd * student()
		}, []observer.Reason{observer.Misshapen, observer.Surprised, observer.TooSure}},
		{"oscillation", 5, func(k int64, y *[4]float64) {
			y[0] += 3 * sd * math.Sin(float64(k))
		}, []observer.Reason{observer.Correlated, observer.Misshapen, observer.TooSure}},
		{"still", 12, func(k int64, y *[4]float64) { y[1] = .25 }, []observer.Reason{observer.Still}},
	}
}

// TestNotCalibratedOnMismatch: each way in which the data are not what the filters assume is noticed.
func TestNotCalibratedOnMismatch(t *testing.T) {
	for _, c := range mismatches() {
		t.Run(c.name, func(t *testing.T) {
			s := &source{r: 8, sd: sd, ratio: .01, bend: c.bend}
			o := newObserver(t)
			run(t, o, s, bentAt+2, nil)
			seen := map[observer.Reason]int{}
			blocks := 0
			run(t, o, s, 12*256, func(r observer.Report) {
				blocks++
				seen[r.Reason]++
			})
			require.Equal(t, 12, blocks)
			total := 0
			for _, w := range c.want {
				total += seen[w]
			}
			require.GreaterOrEqual(t, total, c.least, "%v", seen)
		})
	}
}

// TestScaleIsFoundAgain: noise that is a thousand times what it was is a surprise, and then the new normal.
func TestScaleIsFoundAgain(t *testing.T) {
	for _, factor := range []float64{1e3, 1e-3} {
		s := &source{r: 12, sd: 1e-5, ratio: .1}
		if factor < 1 {
			s.sd = 1e-2
		}
		o := newObserver(t)
		run(t, o, s, 2+10*256, nil)
		s.sd *= factor
		var reasons []observer.Reason
		run(t, o, s, 16*256, func(r observer.Report) { reasons = append(reasons, r.One[0].Fit.Verdict) })
		require.Contains(t, []observer.Reason{observer.Surprised, observer.TooSure}, reasons[0])
		calibrated := 0
		for _, r := range reasons[6:] {
			if r == observer.Calibrated {
				calibrated++
			}
		}
		require.GreaterOrEqual(t, calibrated, 8, "%v", reasons)
	}
}

func TestAgeGrowsAtTheFixedPoint(t *testing.T) {
	o := newObserver(t)
	require.Equal(t, observer.Warming, o.Report().Reason)
	s := &source{r: 3, sd: 1e-3, ratio: 1}
	run(t, o, s, 2000, nil)
	for range 20_000 {
		before := o.Report()
		require.NoError(t, o.Observe(s.next()))
		after := o.Report()
		if before.Converged && after.Converged && before.Age > 0 {
			require.LessOrEqual(t, after.Age, before.Age+1)
		}
		if f := after.One[0].Filter; f.Age > 300 {
			require.Equal(t, int64(f.Age)*1_000_000, f.AgeNS)
			return
		}
	}
	t.Fatal("the fixed point never held for 300 observations")
}

func TestRefusesWhatIsNoResonance(t *testing.T) {
	o := newObserver(t)
	s := &source{r: 1, sd: .1}
	run(t, o, s, 300, nil)
	before, err := o.AppendBinary(nil)
	require.NoError(t, err)
	for _, z := range []complex128{complex(math.NaN(), 0), complex(0, math.Inf(1)), 1.1, -2i, complex(1e200, 0)} {
		require.ErrorContains(t, o.Observe(observer.Observation{Master: z}), "not of magnitude 0…1")
		require.ErrorContains(t, o.Observe(observer.Observation{Emissary: z}), "not of magnitude 0…1")
	}
	after, err := o.AppendBinary(nil)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestConfigValidate(t *testing.T) {
	for _, c := range []struct {
		cfg  observer.Config
		want string
	}{
		{observer.Config{Window: 63}, "window 63: not in 64…65536"},
		{observer.Config{Window: -1}, "window -1"},
		{observer.Config{Window: 1 << 17}, "window 131072"},
		{observer.Config{Memory: 1}, "memory 1: not in 2…65536"},
		{observer.Config{Level: .5}, "level 0.5: not in (0.5, 1)"},
		{observer.Config{Level: math.NaN()}, "level NaN"},
	} {
		_, err := observer.New(c.cfg)
		require.ErrorContains(t, err, c.want)
	}
	require.NoError(t, observer.Config{}.Validate())
}

func TestReasonText(t *testing.T) {
	for r := observer.Calibrated; r <= observer.Misshapen; r++ {
		b, err := r.MarshalText()
		require.NoError(t, err)
		require.Equal(t, r.String(), string(b))
		var back observer.Reason
		require.NoError(t, back.UnmarshalText(b))
		require.Equal(t, r, back)
	}
	_, err := observer.Reason(99).MarshalText()
	require.ErrorContains(t, err, "reason 99: not in 0…7")
	require.ErrorContains(t, new(observer.Reason).UnmarshalText([]byte("fine")), `reason "fine"`)
	require.Equal(t, "reason(99)", observer.Reason(99).String())
	require.Equal(t, "quantity(9)", observer.Quantity(9).String())
	require.Equal(t, "jitter", observer.Jitter.String())
}
