package claims

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

// mscTail returns P(|T|² >= x) of n Gaussian pairs of coherence c (Goodman 1957; Carter, Knapp and Nuttall
// 1973): one less x·((1-c)/(1-cx))^n·Σ ((1-x)/(1-cx))^k·2F1(-k, 1-n; 1; cx).
func mscTail(n int, c, x float64) float64 {
	sum, power := 0.0, 1.0
	for k := range n - 1 {
		f, term := 1.0, 1.0
		for j := range k { // 2F1 ends with j = k-1: (-k)_j·(1-n)_j/j!²
			a := float64(j)
			term *= (a - float64(k)) * (a + 1 - float64(n)) / ((a + 1) * (a + 1)) * c * x
			f += term
		}
		sum += power * f
		power *= (1 - x) / (1 - c*x)
	}
	return 1 - x*math.Pow((1-c)/(1-c*x), float64(n))*sum
}

// coherences returns |T|² by energy of runs of n Gaussian pairs of coherence c.
func coherences(t *testing.T, seed uint64, runs, n int, c float64) []float64 {
	t.Helper()
	g := integrator(t, kairos.Config{Window: kairos.Rectangular, Pair: kairos.PairConfig{Reading: phase.ByEnergy}})
	r := signal.Rand(seed)
	own, shared := math.Sqrt(1-c), math.Sqrt(c)
	out := make([]float64, runs)
	u, v := make([]complex128, 1), make([]complex128, 1)
	for i := range out {
		g.Reset()
		for k := range n {
			v[0] = complex(r.Gauss(), r.Gauss())
			u[0] = complex(shared*real(v[0])+own*r.Gauss(), shared*imag(v[0])+own*r.Gauss())
			if _, err := g.Step(&phase.Point{T: int64(k), U: u, V: v, Weight: 1}); err != nil {
				t.Fatal(err)
			}
		}
		out[i] = g.Read().T2
	}
	return out
}

func tail(t2 []float64, x float64) float64 {
	n := 0.0
	for _, v := range t2 {
		if v >= x {
			n++
		}
	}
	return n / float64(len(t2))
}

// TestCase03CoherenceOfGaussians: the energy reading is distributed as the MSC of the textbooks, under chance
// and under coherence, and LnMSC turns its thresholds around.
func TestCase03CoherenceOfGaussians(t *testing.T) {
	checkMSCFile(t)
	const runs = 4000
	for i, n := range []int{4, 8, 16, 32, 64} {
		for j, msc := range []float64{0, .3, .5, .7, .9, .95, .97, .99} {
			t2 := coherences(t, uint64(100*i+j), runs, n, msc)
			for _, x := range []float64{.25, .5, .8, .9, .95} {
				want := mscTail(n, msc, x)
				if msc == 0 {
					want = math.Exp(evidence.LnMSC(float64(n), x))
					require.InDelta(t, want, mscTail(n, 0, x), 1e-12)
				}
				within4(t, want, tail(t2, x), math.Sqrt(want*(1-want)/runs)+2.0/runs, "n %d coherence %v x %v", n, msc, x)
			}
		}
	}
}

func checkMSCFile(t *testing.T) {
	var c struct {
		Alt []struct {
			N      int
			MSC, X float64
			P      float64 `json:"P_ge"`
		}
		Thresholds []struct {
			N        float64
			Alpha, X float64
		}
		Tolerance float64
	}
	if cases.Read(t, "03_msc_distribution.json", &c) {
		require.Len(t, c.Alt, 84)
		require.Equal(t, 1e-9, c.Tolerance)
		for _, v := range c.Alt {
			require.InDelta(t, v.P, mscTail(v.N, v.MSC, v.X), c.Tolerance, v)
		}
		for _, v := range c.Thresholds {
			require.InDelta(t, math.Log(v.Alpha), evidence.LnMSC(v.N, v.X), c.Tolerance, v)
		}
	}
}
