package phase_test

import (
	"fmt"
	"math"
	"math/big"
	"math/cmplx"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/phase"
)

func TestCase17NCO(t *testing.T) {
	var c struct {
		Cases []struct {
			F     string `json:"f_hz"`
			T     int64  `json:"t_ns"`
			Word  string `json:"F"`
			Phase string `json:"phase64"`
		}
	}
	cases.Need(t, "17_nco.json", &c)
	require.NotEmpty(t, c.Cases)
	for _, v := range c.Cases {
		hz, ok := new(big.Rat).SetString(v.F)
		require.True(t, ok, v.F)
		n, err := phase.NewRationalNCO(hz)
		require.NoError(t, err)
		require.Equal(t, v.Word, strconv.FormatUint(n.F, 10), v.F)
		require.Equal(t, v.Phase, strconv.FormatUint(n.Phase(v.T), 10), v.F)
		requirePhaseError(t, hz, n, v.T)
	}
}

// requirePhaseError holds the phase against frac(f·t) in rationals: |error| <= |t|·2^-65 turns.
func requirePhaseError(t *testing.T, hz *big.Rat, n phase.NCO, at int64) {
	t.Helper()
	turns := new(big.Rat).Mul(hz, big.NewRat(at, 1_000_000_000))
	got := new(big.Rat).SetFrac(new(big.Int).SetUint64(n.Phase(at)), new(big.Int).Lsh(big.NewInt(1), 64))
	diff := got.Sub(got, turns)
	whole := new(big.Int).Div(diff.Num(), diff.Denom())
	e, _ := diff.Sub(diff, new(big.Rat).SetInt(whole)).Float64()
	require.LessOrEqual(t, min(e, 1-e), math.Abs(float64(at))*0x1p-65, "%s at %d", hz, at)
}

func TestNCO(t *testing.T) {
	for _, hz := range []float64{0, 1, -1, 0.1, 333.25, -12.5, 4.9e8, -4.9e8, 1e-9} {
		n, err := phase.NewNCO(hz)
		require.NoError(t, err)
		rat := new(big.Rat).SetFloat64(hz)
		for _, at := range []int64{0, 1, -1, 1e9, -86_400_000_000_000, 1_771_400_000_000_000_000, math.MinInt64} {
			requirePhaseError(t, rat, n, at)
			require.InDelta(t, 1, cmplx.Abs(n.Rotor(at)), 1e-15)
		}
	}
	n := phase.NCO{F: 1 << 62, T0: 7}
	require.Equal(t, complex(1, 0), n.Rotor(7))
	require.Equal(t, complex(0, 1), n.Rotor(8))
	require.Equal(t, complex(0, -1), n.Rotor(6))
	for _, hz := range []float64{5e8, -5e8, math.NaN(), math.Inf(1)} {
		_, err := phase.NewNCO(hz)
		require.ErrorContains(t, err, "frequency")
	}
}

func ExampleNCO() {
	n, err := phase.NewNCO(0.25)
	if err != nil {
		fmt.Println(err)
		return
	}
	for s := range int64(4) { // a quarter turn a second
		z := n.Rotor(s * 1e9)
		fmt.Printf("%+.0f%+.0fi\n", real(z), imag(z))
	}
	// Output:
	// +1+0i
	// +0+1i
	// -1+0i
	// -0-1i
}
