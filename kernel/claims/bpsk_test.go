package claims

import (
	"math"
	"math/cmplx"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

const (
	bitLength  = 10
	carrier    = 0.05 // cycles a sample
	bpskLength = 200_000
)

// bpsk returns rectangular BPSK: a random sign for each ten samples, on the carrier.
func bpsk() []complex128 {
	r := signal.Rand(606)
	z := make([]complex128, bpskLength)
	sign := 1.0
	for n := range z {
		if n%bitLength == 0 {
			sign = -1
			if r.Uint64()>>63 == 1 {
				sign = 1
			}
		}
		z[n] = complex(sign, 0) * turn(carrier*float64(n))
	}
	return z
}

// cyclic returns |T| of z at the cycle frequency alpha, which the kernel hears as a detuning of -alpha.
func cyclic(t *testing.T, z []complex128, conj bool, lag int, alpha float64) float64 {
	t.Helper()
	g := integrator(t, kairos.Config{
		Window: kairos.Rectangular,
		Pair:   kairos.PairConfig{Conjugate: conj, Lag: time.Duration(lag), Omega: oscillator(t, -alpha*1e9)},
	})
	p := phase.Point{U: make([]complex128, 1), Weight: 1}
	if lag == 0 {
		p.V = make([]complex128, 1)
	}
	for n, v := range z {
		p.T, p.U[0] = int64(n), v
		if lag == 0 {
			p.V[0] = v
		}
		if _, err := g.Step(&p); err != nil {
			t.Fatal(err)
		}
	}
	r := g.Read()
	require.Equal(t, uint64(len(z)-lag), r.N)
	return cmplx.Abs(r.T)
}

// feature returns the closed form |sin(πk(N0-m)/N0)|/(N0·|sin(πk/N0)|) of the k-th cycle frequency.
func feature(k, lag int) float64 {
	const n = float64(bitLength)
	left := float64(bitLength - lag)
	if k == 0 {
		return left / n
	}
	return math.Abs(math.Sin(math.Pi*float64(k)*left/n)) / (n * math.Abs(math.Sin(math.Pi*float64(k)/n)))
}

// TestCase06BPSK: bit rate and carrier of a signal that is white noise in its bits stand out as cycle
// frequencies, the carrier's own only in the conjugate form, and nothing does elsewhere.
func TestCase06BPSK(t *testing.T) {
	z := bpsk()
	tol := 4 / math.Sqrt(bpskLength/bitLength)
	for _, conj := range []bool{false, true} {
		base := 0.0
		if conj {
			base = 2 * carrier
		}
		for _, lag := range []int{0, 2, 5, 8} {
			for k := range 4 {
				got := cyclic(t, z, conj, lag, base+float64(k)/bitLength)
				require.InDelta(t, feature(k, lag), got, tol, "conjugate %v lag %d k %d", conj, lag, k)
			}
		}
		require.Less(t, cyclic(t, z, conj, 5, .0371), tol, "no cycle frequency")
	}
	require.Less(t, cyclic(t, z, false, 5, 2*carrier+.05), tol, "the carrier is not heard without Conjugate")
	checkBPSKFile(t, z)
}

func checkBPSKFile(t *testing.T, z []complex128) {
	var c struct {
		N0, N int
		FC    float64
		Cases []struct {
			Conj         bool
			Lag          int
			Alpha        float64
			AbsT, Theory float64
		}
	}
	if !cases.Read(t, "06_bpsk.json", &c) {
		return
	}
	require.Len(t, c.Cases, 34)
	for _, v := range c.Cases {
		require.InDelta(t, v.AbsT, cyclic(t, z, v.Conj, v.Lag, v.Alpha), 1e-9, v)
	}
}
