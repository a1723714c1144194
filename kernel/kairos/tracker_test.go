package kairos_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

func tracker(t testing.TB, cfg kairos.TrackerConfig) *kairos.Tracker {
	t.Helper()
	k, err := kairos.NewTracker(cfg)
	require.NoError(t, err)
	return k
}

// radius is the spectral radius of [e, ω] -> [(1-Kp)e - ω, Ki·e + ω].
func radius(kp, ki float64) float64 {
	tr, det := 2-kp, 1-kp+ki
	if d := tr*tr/4 - det; d >= 0 {
		return max(math.Abs(tr/2+math.Sqrt(d)), math.Abs(tr/2-math.Sqrt(d)))
	}
	return math.Sqrt(det)
}

// TestCase19Loop: what the file calls unstable is refused, and the rest falls as its radius says.
func TestCase19Loop(t *testing.T) {
	var c struct {
		Loop struct {
			Examples []struct {
				Kp, Ki float64
				Radius float64 `json:"spectral_radius"`
			}
		} `json:"type2_pll"`
	}
	cases.Need(t, "19_robust_mesh.json", &c)
	require.NotEmpty(t, c.Loop.Examples)
	for _, v := range c.Loop.Examples {
		require.InDelta(t, v.Radius, radius(v.Kp, v.Ki), 1e-7) // a double root is known to the root of the precision
		err := kairos.TrackerConfig{Kp: v.Kp, Ki: v.Ki, Round: 1}.Validate()
		require.Equal(t, v.Radius < 1, err == nil, v)
	}
}

// TestTrackerStable: inside the triangle every loop falls, outside every loop is refused.
func TestTrackerStable(t *testing.T) {
	for kp := -.5; kp < 3; kp += .0999 {
		for ki := -.5; ki < 3; ki += .0777 {
			cfg := kairos.TrackerConfig{Kp: kp, Ki: ki, Round: time.Second}
			require.Equal(t, radius(kp, ki) < 1, cfg.Validate() == nil, "%v %v", kp, ki)
		}
	}
	require.ErrorContains(t, kairos.TrackerConfig{Kp: .5, Ki: .1}.Validate(), "round 0s")
	require.ErrorContains(t, kairos.TrackerConfig{Kp: math.NaN(), Ki: .1, Round: 1}.Validate(), "ki")
	require.NoError(t, kairos.DefaultTracker(1).Validate())
}

// TestTrackerStep: with the error measured at each round's begin, a constant frequency leaves none.
func TestTrackerStep(t *testing.T) {
	k := tracker(t, kairos.DefaultTracker(time.Second))
	line, err := phase.NewNCO(.07)
	require.NoError(t, err)
	var e float64
	for r := range int64(80) {
		at := r * 1e9
		e = 2 * math.Pi * float64(int64(line.Phase(at)-k.Phase(at))) * 0x1p-64
		k.Step(e)
	}
	require.InDelta(t, 0, e, 1e-8) // 79 rounds of 0.75 each, with a factor of the double root
	require.InDelta(t, .07, k.Hz(), 1e-9)
}

// TestTrackerFollows: behind the tracker an hour's window of a detuned, jittered stream is as coherent as its
// jitter lets it be; before it there is nothing. The error falls as the recursion says.
func TestTrackerFollows(t *testing.T) {
	line, err := phase.NewNCO(.31)
	require.NoError(t, err)
	cfg := kairos.DefaultTracker(500 * time.Millisecond)
	k := tracker(t, cfg)
	window := func() *kairos.Bank {
		b, err := kairos.NewBank(kairos.BankConfig{Tau: time.Minute, Levels: 1})
		require.NoError(t, err)
		return b
	}
	before, behind := window(), window()
	r := signal.Rand(3)
	for s := range int64(400_000) {
		at := s*1e6 + 5e17
		p := line.Rotor(at) * complexTurn(.2*r.Gauss())
		if s%10_000 > 9000 {
			continue // a second in ten is missing
		}
		v := kairos.Term{T: at, P: p, Ex: 1, Ey: 1, Weight: 1, Sign: 1}
		require.NoError(t, before.Add(v))
		v, err := k.Add(v)
		require.NoError(t, err)
		require.NoError(t, behind.Add(v))
	}
	require.Less(t, before.Read(0).T2, .001)
	require.InDelta(t, math.Exp(-.04), behind.Read(0).T2, .005)
	require.InDelta(t, .31, k.Hz(), .005)
	require.Less(t, math.Abs(k.Residual()), .1)
	still := k.Retune(line)
	require.InDelta(t, 0, float64(int64(still.F))*0x1p-64*1e9, .005)

	data, err := k.AppendBinary(nil)
	require.NoError(t, err)
	twin := tracker(t, cfg)
	require.NoError(t, twin.UnmarshalBinary(data))
	require.Equal(t, k, twin)
	for cut := range data {
		require.Error(t, twin.UnmarshalBinary(data[:cut]))
	}
	require.Equal(t, k, twin)
	k.Reset()
	require.Equal(t, tracker(t, cfg), k)
}

func complexTurn(a float64) complex128 {
	sin, cos := math.Sincos(a)
	return complex(cos, sin)
}

// TestTrackerRecursion: heard in rounds, the loop is the recursion in the middle of the rounds.
func TestTrackerRecursion(t *testing.T) {
	line, err := phase.NewNCO(1e-3)
	require.NoError(t, err)
	cfg := kairos.TrackerConfig{Kp: .6, Ki: .2, Round: time.Second}
	k := tracker(t, cfg)
	perRound := 2 * math.Pi * 1e-3
	const n = 1000
	mid := perRound * (n - 1) / (2 * n)
	e, w, at := mid, 0.0, int64(0)
	for round := range 20 {
		for range n {
			_, err := k.Add(kairos.Term{T: at, P: line.Rotor(at), Ex: 1, Ey: 1, Weight: 1, Sign: 1})
			require.NoError(t, err)
			at += 1e6
		}
		if round > 0 {
			require.InDelta(t, e, k.Residual(), 1e-5, round) // samples stand half a millisecond off the middle
			e, w = e+perRound-w-cfg.Kp*e, w+cfg.Ki*e
		}
	}
}

func TestTrackerRefuses(t *testing.T) {
	k := tracker(t, kairos.DefaultTracker(time.Second))
	_, err := k.Add(kairos.Term{Weight: 1, Sign: -1})
	require.ErrorContains(t, err, "taken back")
	_, err = k.Add(kairos.Term{Weight: 2, Sign: 1})
	require.Error(t, err)
	require.Equal(t, tracker(t, kairos.DefaultTracker(time.Second)), k)
	_, err = kairos.NewTracker(kairos.TrackerConfig{})
	require.Error(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := k.Add(kairos.Term{T: 1 << 40, P: 1, Weight: 1, Sign: 1}); err != nil {
			t.Fatal(err)
		}
	}))
}

func TestDrift(t *testing.T) {
	a, b := kairos.Resonance{At: 1e9, T: 1i}, kairos.Resonance{At: 3e9, T: -.5}
	w, ok := kairos.Drift(a, b)
	require.True(t, ok)
	require.InDelta(t, math.Pi/4, w, 1e-15)
	_, ok = kairos.Drift(b, a)
	require.False(t, ok)
	_, ok = kairos.Drift(a, kairos.Resonance{At: 3e9})
	require.False(t, ok)
	// The drift of a leaky window over a detuned line is the detuning.
	line, err := phase.NewNCO(.02)
	require.NoError(t, err)
	g, err := kairos.NewIntegrator(kairos.Config{Tau: time.Second})
	require.NoError(t, err)
	for k := range int64(30_000) {
		p := phase.Point{T: k * 1e6, U: []complex128{line.Rotor(k * 1e6)}, Weight: 1}
		require.NoError(t, g.Put(&p))
		if k == 29_000 {
			a = g.Read()
		}
	}
	w, ok = kairos.Drift(a, g.Read())
	require.True(t, ok)
	require.InDelta(t, 2*math.Pi*.02, w, 1e-9)
}

func ExampleTracker() {
	k, err := kairos.NewTracker(kairos.DefaultTracker(100 * time.Millisecond))
	if err != nil {
		fmt.Println(err)
		return
	}
	line, err := phase.NewNCO(0.5) // half a hertz beside where we listen
	if err != nil {
		fmt.Println(err)
		return
	}
	for at := int64(0); at < 10e9; at += 1e6 {
		if _, err := k.Add(kairos.Term{T: at, P: line.Rotor(at), Ex: 1, Ey: 1, Weight: 1, Sign: 1}); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Printf("%.4f Hz\n", k.Hz())
	// Output: 0.5000 Hz
}
