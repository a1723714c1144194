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
