package evidence_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/evidence"
)

func TestCase04Bounds(t *testing.T) {
	var c struct {
		Exact []struct {
			N        int
			X        float64
			LnP      *float64 `json:"lnP"`
			RelSE    float64  `json:"rel_se"`
			Chernoff float64  `json:"ln_bessel_chernoff"`
			SOpt     float64  `json:"s_opt"`
		} `json:"exact_is"`
		Universal []struct{ Nu, X, LnP float64 }
		NMin      map[string]json.RawMessage `json:"nmin"`
	}
	cases.Need(t, "04_plv_null.json", &c)
	for _, v := range c.Universal {
		require.InDelta(t, v.LnP, evidence.LnBound(v.Nu, v.X), 1e-9*max(1, math.Abs(v.LnP)), v)
	}
	for _, v := range c.Exact {
		if v.LnP == nil {
			continue
		}
		w := make([]float64, v.N)
		for i := range w {
			w[i] = 1
		}
		ln, s := evidence.LnChernoff(w, v.X)
		require.InDelta(t, v.Chernoff, ln, 1e-9*math.Abs(v.Chernoff), v)
		require.InDelta(t, v.SOpt, s, 1e-5*v.SOpt, v)
		require.GreaterOrEqual(t, ln, *v.LnP-3*v.RelSE, "a bound lies above the exact tail")
		require.GreaterOrEqual(t, evidence.LnBound(float64(v.N), v.X), ln-1e-12)
	}
	checkNuMin(t, c.NMin)
}

func checkNuMin(t *testing.T, table map[string]json.RawMessage) {
	n := 0
	for _, ic := range []string{"0.95", "0.8", "0.5", "0.25"} {
		for _, alpha := range []string{"0.001", "1e-06", "1e-09", "1e-12", "1e-15"} {
			raw, ok := table["Ic="+ic+",alpha="+alpha]
			if !ok {
				continue
			}
			var row struct {
				Nu float64 `json:"universal_nu"`
			}
			require.NoError(t, json.Unmarshal(raw, &row))
			var i, a float64
			require.NoError(t, json.Unmarshal([]byte(ic), &i))
			require.NoError(t, json.Unmarshal([]byte(alpha), &a))
			nu, err := evidence.NuMin(i, a)
			require.NoError(t, err)
			require.InDelta(t, row.Nu, nu, 1e-3, "%s %s", ic, alpha)
			n++
		}
	}
	require.GreaterOrEqual(t, n, 9)
}

func TestCase05Process(t *testing.T) {
	var c struct {
		Values []struct {
			N       int
			R       float64
			ByKappa []float64 `json:"lnE_by_kappa"`
			Mix     float64   `json:"lnE_mix"`
		}
	}
	cases.Need(t, "05_evidence.json", &c)
	kappas := []float64{.5, 1, 2, 4, 8, 16, 32}
	for _, v := range c.Values {
		e := run(v.N, v.R)
		for i, k := range kappas {
			got, err := e.LnEAt(k)
			require.NoError(t, err)
			require.InDelta(t, v.ByKappa[i], got, 1e-10*max(1, math.Abs(v.ByKappa[i])), "%d %v", v.N, k)
		}
		require.InDelta(t, v.Mix, e.LnE(), 1e-10*max(1, math.Abs(v.Mix)), v.N)
	}
}

// run returns the process of n unit phases whose sum has the modulus r: half of them turned by +a and half
// by -a; an odd one out stays at 0.
func run(n int, r float64) *evidence.Process {
	pairs := float64(n / 2)
	cos := (r - float64(n%2)) / (2 * pairs)
	if n == 1 {
		cos = 1
	}
	sin := math.Sqrt(max(0, 1-cos*cos))
	var e evidence.Process
	for range n / 2 {
		e.Step(complex(cos, sin), 1)
		e.Step(complex(cos, -sin), 1)
	}
	if n%2 == 1 {
		e.Step(1, 1)
	}
	return &e
}

func TestCase03NullOfMSC(t *testing.T) {
	var c struct {
		Null []struct{ N, X, P float64 }
	}
	cases.Need(t, "03_msc_distribution.json", &c)
	for _, v := range c.Null {
		require.InDelta(t, math.Log(v.P), evidence.LnMSC(v.N, v.X), 1e-9*math.Abs(math.Log(v.P)), v)
	}
	require.NotEmpty(t, c.Null)
}
