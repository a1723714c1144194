package claims

import (
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
)

// halfDay is told as 1000 ns. At its true length the oscillator's 64 bits would be off by 0.04 turns after
// 44 years (phase.NCO: |t|·2^-65 turns, t in ns), which moves the third harmonic by a hundredth.
const halfDay = 1000

// series is a real signal at irregular times, in half days.
type series struct {
	at []int64
	x  []float64
}

// fraction returns the share of the series' variance that a line of cycles a year explains: 2|T|² by energy
// against the clock, on integer time and an oscillator of exactly one turn in 365.2425 days.
func (s series) fraction(t *testing.T, cycles string) float64 {
	t.Helper()
	f, ok := new(big.Rat).SetString(cycles)
	require.True(t, ok)
	year := big.NewRat(2*3_652_425*halfDay, 1e4*1e9) // 365.2425 days in s as told
	nco, err := phase.NewRationalNCO(f.Neg(f).Quo(f, year))
	require.NoError(t, err)
	g := integrator(t, kairos.Config{
		Window: kairos.Rectangular, Pair: kairos.PairConfig{Reading: phase.ByEnergy, Omega: nco},
	})
	mean := 0.0
	for _, x := range s.x {
		mean += x / float64(len(s.x))
	}
	for k, x := range s.x {
		_, err := g.Step(&phase.Point{T: s.at[k] * halfDay, U: []complex128{complex(x-mean, 0)}, Weight: 1})
		require.NoError(t, err)
	}
	return 2 * g.Read().T2
}

// velocity returns the differences over at most ten days, at the middle of each.
func velocity(days []int64, ppm []float64) (v series) {
	for k := range len(days) - 1 {
		if dt := days[k+1] - days[k]; dt <= 10 {
			v.at = append(v.at, days[k]+days[k+1])
			v.x = append(v.x, (ppm[k+1]-ppm[k])/float64(dt))
		}
	}
	return v
}

// detrended returns what a least-squares parabola leaves.
func detrended(days []int64, ppm []float64) (l series) {
	n := len(days)
	a, b := mat.NewDense(n, 3, nil), mat.NewVecDense(n, ppm)
	for k, d := range days {
		u := float64(d)/8000 - 1
		a.SetRow(k, []float64{1, u, u * u})
	}
	var fit, trend mat.VecDense
	if err := fit.SolveVec(a, b); err != nil {
		return l
	}
	trend.MulVec(a, &fit)
	for k, d := range days {
		l.at = append(l.at, 2*d)
		l.x = append(l.x, ppm[k]-trend.AtVec(k))
	}
	return l
}

// TestCase21CarbonDioxide listens to 44 years of Mauna Loa: the year and its half are there, 1.5 is not.
func TestCase21CarbonDioxide(t *testing.T) {
	var c struct {
		N         int
		Days      []int64            `json:"t_days"`
		PPM       []float64          `json:"co2_ppm"`
		Velocity  map[string]float64 `json:"T2_velocity"`
		Level     map[string]float64 `json:"T2_level_detrended_quadratic"`
		Tolerance float64
	}
	if !cases.Read(t, "21_real_co2.json", &c) {
		t.Skip("the measurements are in ../shared/cases/21_real_co2.json, which is not here")
	}
	require.Equal(t, 1e-9, c.Tolerance)
	v, l := velocity(c.Days, c.PPM), detrended(c.Days, c.PPM)
	require.Len(t, v.x, c.N)
	require.Len(t, l.x, len(c.Days))
	got := map[string]float64{}
	for name, want := range c.Velocity {
		got[name] = v.fraction(t, strings.TrimSuffix(name, " cycles/yr"))
		require.InDelta(t, want, got[name], c.Tolerance, name)
	}
	for name, want := range c.Level {
		require.InDelta(t, want, l.fraction(t, strings.TrimSuffix(name, " cycles/yr")), c.Tolerance, name)
	}
	year, half, none := got["1 cycles/yr"], got["2 cycles/yr"], got["1.5 cycles/yr"]
	require.Greater(t, year, .2)
	require.Greater(t, year, 100*none)
	require.Greater(t, half, 50*none)
	require.Greater(t, l.fraction(t, "1"), .8)
}
