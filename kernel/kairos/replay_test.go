package kairos_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

func TestReplayForms(t *testing.T) {
	line, err := phase.NewNCO(-2)
	require.NoError(t, err)
	for name, at := range map[string]func(s int64) phase.Sample{
		"phasor": func(t int64) phase.Sample {
			return phase.Sample{T: t, Form: phase.Phasor, X: []complex128{3 * line.Rotor(t)}}
		},
		"angle": func(t int64) phase.Sample {
			return phase.Sample{T: t, Form: phase.Angle, R: []float64{-4 * math.Pi * float64(t) * 1e-9}}
		},
		"angle against angle": func(t int64) phase.Sample {
			return phase.Sample{T: t, Form: phase.Angle, R: []float64{1 - 4*math.Pi*float64(t)*1e-9}, YR: []float64{1}}
		},
		"event": func(t int64) phase.Sample { return phase.Sample{T: t * 500, Form: phase.Event} },
	} {
		r, err := kairos.NewReplay(kairos.ReplayConfig{Tau: time.Hour, OmegaHz: 2})
		require.NoError(t, err)
		for k := range int64(500) {
			s := at(k * 1e6)
			require.NoError(t, r.Step(&s))
		}
		got := r.Read()
		require.InDelta(t, 1, got.T2, 1e-9, name)
		require.Equal(t, uint64(500), got.N)
		require.InDelta(t, evidence.LnBound(got.Nu, got.T2), got.LnPBound, 0)
		require.Greater(t, got.LnE, 500.0)
		require.Greater(t, got.LnSR, 500.0)
	}
}

func TestReplayRefusals(t *testing.T) {
	_, err := kairos.NewReplay(kairos.ReplayConfig{Tau: time.Second, OmegaHz: 1e9})
	require.ErrorContains(t, err, "frequency")
	_, err = kairos.NewReplay(kairos.ReplayConfig{})
	require.ErrorContains(t, err, "tau")
	r, err := kairos.NewReplay(kairos.ReplayConfig{Tau: time.Second})
	require.NoError(t, err)
	require.Equal(t, kairos.Reading{}, r.Read())
	require.NoError(t, r.Step(&phase.Sample{T: 10, Form: phase.Real, R: []float64{1, 2}}))
	before := r.Read()
	require.Error(t, r.Step(&phase.Sample{T: 11, Form: phase.Real, R: []float64{1}}))
	require.Error(t, r.Step(&phase.Sample{T: 11, Form: phase.Real, R: []float64{1, math.NaN()}}))
	require.ErrorIs(t, r.Step(&phase.Sample{T: 9, Form: phase.Real, R: []float64{1, 1}}), kairos.ErrLate)
	require.Equal(t, before, r.Read())
}

// TestReadingIsJSON: every state is a finite JSON object with the names of SURFACE.md.
func TestReadingIsJSON(t *testing.T) {
	r, err := kairos.NewReplay(kairos.ReplayConfig{Tau: time.Second})
	require.NoError(t, err)
	noise := signal.Noise(signal.Clock{Step: time.Millisecond}, 1)
	for range 3 {
		b, err := json.Marshal(r.Read())
		require.NoError(t, err)
		var m map[string]any
		require.NoError(t, json.Unmarshal(b, &m))
		for _, k := range []string{"n", "t", "S", "W", "Q", "Ex", "Ey", "T", "T2", "nu", "psi", "lnP_bound", "lnE", "lnSR", "T2_unbiased", "Ts"} {
			require.Contains(t, m, k)
		}
		require.Len(t, m, 16)
		s := noise.Next()
		require.NoError(t, r.Step(&s))
	}
}

// TestReplayOfALadder: what is read is the slowest level that the stream has lasted for, beside the spectrum.
func TestReplayOfALadder(t *testing.T) {
	var w kairos.Window
	require.NoError(t, w.UnmarshalText([]byte("ladder")))
	require.Equal(t, "ladder", w.String())
	require.ErrorContains(t, w.UnmarshalText([]byte("cone")), "leaky, rect, ladder")
	_, err := kairos.NewReplay(kairos.ReplayConfig{Window: w, Tau: 49})
	require.ErrorContains(t, err, "below 50 ns")
	r, err := kairos.NewReplay(kairos.ReplayConfig{Window: w, Tau: 50 * time.Millisecond, Horizon: time.Second})
	require.NoError(t, err)
	require.Empty(t, r.Spectrum(nil))
	cfg := kairos.DefaultLadder(50 * time.Millisecond)
	cfg.N0, cfg.Horizon = 1, time.Second
	l := ladder(t, cfg)
	noise := signal.Noise(signal.Clock{Step: time.Millisecond, Jitter: time.Millisecond}, 5)
	for k := range 4000 {
		s := noise.Next()
		if k%100 == 99 {
			s.T -= 40e6
		}
		require.NoError(t, r.Step(&s))
		require.NoError(t, l.Add(kairos.Term{T: s.T, P: s.X[0] * complex(real(s.Y[0]), -imag(s.Y[0])), Ex: 1, Ey: 1, Weight: 1, Sign: 1}))
		if k == 150 {
			require.Equal(t, 0, l.Settled())
		}
		j := l.Settled()
		want, got := l.Read(j), r.Read()
		require.InDelta(t, want.T2, got.T2, 1e-12)
		require.InEpsilon(t, want.Nu, got.Nu, 1e-12)
	}
	require.Equal(t, 3, l.Settled(), "3.2 s of 4 s")
	require.ErrorIs(t, r.Step(&phase.Sample{T: 0, Form: phase.Phasor, X: []complex128{1}, Y: []complex128{1}}), kairos.ErrLate)
	spectrum := r.Spectrum(nil)
	require.Len(t, spectrum, 11)
	require.Equal(t, r.Read().T2, spectrum[3].T2)
	require.Equal(t, 3.2, spectrum[3].Tau)
	for j := range spectrum[1:] {
		require.GreaterOrEqual(t, spectrum[j+1].W, spectrum[j].W, "slower forgets less")
	}
}

func ExampleReplay() {
	r, err := kairos.NewReplay(kairos.ReplayConfig{Window: kairos.Rectangular, Tau: time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	for k := range int64(20) { // an event every 50 ms, at omega 0: they agree with the clock that stands still
		if err := r.Step(&phase.Sample{T: k * 50e6, Form: phase.Event}); err != nil {
			fmt.Println(err)
			return
		}
	}
	v := r.Read()
	fmt.Printf("n %d |T|² %g ln P %.2f\n", v.N, v.T2, v.LnPBound)
	// Output: n 20 |T|² 1 ln P -17.24
}
