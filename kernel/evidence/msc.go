package evidence

import (
	"fmt"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// MSCPower returns P(|T|² >= x) of the energy reading for n >= 2 Gaussian samples of equal weight whose true
// magnitude squared coherence is c: what a gate at x detects. The density of Goodman 1957 and Carter,
// Knapp and Nuttall 1973 is a mixture of beta densities by a negative binomial, so that
//
//	P = Σ_m NB(m; n, c)·Σ_{i<=m} NB(i; n-1, x),   NB(m; r, p) = Γ(m+r)/(Γ(r)·m!)·(1-p)^r·p^m,
//
// every term positive: the far tail is as accurate as the middle, to 1e-12. c and x in [0, 1).
// O(n·c/(1-c)).
func MSCPower(n int, c, x float64) (float64, error) {
	switch {
	case n < 2 || n > 1<<20:
		return 0, fmt.Errorf("evidence: %d samples: not in 2…%d", n, 1<<20)
	case !(c >= 0 && c <= 1-1e-6):
		return 0, fmt.Errorf("evidence: coherence %v: not in 0…0.999999", c)
	case !(x >= 0 && x < 1):
		return 0, fmt.Errorf("evidence: threshold %v: not in [0, 1)", x)
	}
	r := float64(n)
	lnW, lnT := float64(r*exact.Log1p(-c)), float64((r-1)*exact.Log1p(-x))
	below, sum := 0.0, 0.0
	peak := float64(r*c) / (1 - c)
	for m := 0.0; ; m++ {
		below = min(1, below+exact.Exp(lnT))
		w := exact.Exp(lnW)
		sum += float64(w * below)
		if m > peak && w <= 1e-18*sum { // behind the peak the weights fall faster than a geometric series soon does
			return min(sum, 1), nil
		}
		if c == 0 || m > peak && w == 0 {
			return min(sum, 1), nil
		}
		lnW += exact.Log(float64(c * (r + m) / (m + 1)))
		lnT += exact.Log(float64(x * (r - 1 + m) / (m + 1)))
	}
}

// LnMSCGiven returns ln P(|g|² >= x) = (n-1-q)·ln(1-x) of a coherence from which q references have been
// taken out (kairos.Partial), for n > q+1 Gaussian samples of equal weight: each reference costs one.
func LnMSCGiven(n, q, x float64) float64 { return float64((n - 1 - q) * exact.Log1p(-x)) }
