package evidence

import (
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// LnBound returns ln of the universal bound on one look,
//
//	P(|T|² >= x) <= exp(nu·x)/I0(2·nu·x),   nu = W²/Q,
//
// for independent uniform phases with any weights. It is about ½·ln(4π·nu·x) - nu·x; where it is above
// 0 (nu·x below 1.34) it says nothing. nu >= 0, x in [0, 1]. Source: KERNEL.md 2.2 (U).
func LnBound(nu, x float64) float64 {
	z := float64(nu * x)
	return z - LnI0(2*z)
}

// LnChernoff returns ln of the bound min_s Π I0(s·w)/I0(s·sqrt(x)·Σw) on one look, and the s that attains
// it. It is sharper than LnBound and costs a search. weights >= 0, x in (0, 1); s is scaled to weights of
// mean 1. Without a positive weight the bound is 0, at s = 0. Source: KERNEL.md 2.2 (B).
func LnChernoff(weights []float64, x float64) (lnP, s float64) {
	sum, n := 0.0, 0.0
	for _, w := range weights {
		if w > 0 {
			sum += w
			n++
		}
	}
	if n == 0 {
		return 0, 0
	}
	mean := sum / n
	r := float64(math.Sqrt(x) * n)
	slope := func(s float64) float64 { // derivative of the exponent, rising from below 0
		d := -float64(r * I1I0(float64(s*r)))
		for _, w := range weights {
			if w > 0 {
				d += float64(w / mean * I1I0(float64(s*(w/mean))))
			}
		}
		return d
	}
	s = root(slope)
	lnP = -LnI0(float64(s * r))
	for _, w := range weights {
		if w > 0 {
			lnP += LnI0(float64(s * (w / mean)))
		}
	}
	return lnP, s
}

// root returns where f, which is below 0 near 0, rises through 0, to 1e-12 of its size, or the end of
// the search at 1e9.
func root(f func(float64) float64) float64 {
	hi := 1.0
	for f(hi) < 0 && hi < 1e9 {
		hi *= 2
	}
	lo := 0.0
	for hi-lo > 1e-13*hi {
		mid := 0.5 * (lo + hi)
		if f(mid) < 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return 0.5 * (lo + hi)
}

// NuMin returns the least effective number of samples at which |T|² >= ic has a chance of at most alpha:
// LnBound(nu, ic) <= ln alpha. ic in (0, 1], alpha in (0, 1).
func NuMin(ic, alpha float64) (float64, error) {
	if !(ic > 0 && ic <= 1) {
		return 0, fmt.Errorf("evidence: I_c %v: not in (0, 1]", ic)
	}
	if !(alpha > 0 && alpha < 1) {
		return 0, fmt.Errorf("evidence: alpha %v: not in (0, 1)", alpha)
	}
	target := exact.Log(alpha)
	// LnBound rises from 0 to its top near nu·x = ½ and falls from there, so below 0 the root is one.
	lo, hi := 0.5, 2.0
	for LnBound(hi, 1) > target {
		lo, hi = hi, hi+hi
	}
	for hi-lo > 1e-14*hi {
		mid := 0.5 * (lo + hi)
		if mid <= lo || mid >= hi {
			break
		}
		if LnBound(mid, 1) > target {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi / ic, nil
}

// AlphaEval returns the budget of one look where fEval looks a second may cost alphaHour an hour, valid
// under any dependence between looks: alphaHour/(3600·fEval), and never more than
// alphaHour. alphaHour in (0, 1), fEval > 0.
func AlphaEval(alphaHour, fEval float64) (float64, error) {
	if !(alphaHour > 0 && alphaHour < 1) {
		return 0, fmt.Errorf("evidence: alpha_hour %v: not in (0, 1)", alphaHour)
	}
	if !(fEval > 0 && fEval <= math.MaxFloat64) {
		return 0, fmt.Errorf("evidence: f_eval %v Hz: not above 0", fEval)
	}
	return min(alphaHour/float64(3600*fEval), alphaHour), nil
}

// GLRT returns the likelihood ratio statistic -nu·ln(1-t2) in nats, +Inf at t2 = 1. nu >= 0, t2 in [0, 1].
func GLRT(nu, t2 float64) float64 {
	if nu == 0 {
		return 0
	}
	return float64(-nu * exact.Log1p(-min(t2, 1)))
}

// LnMSC returns ln P(|T|² >= x) = (n-1)·ln(1-x) of the energy reading for n >= 1 samples of equal weight
// when both signals are Gaussian. It is exact there and false for phasors: use LnBound.
func LnMSC(n, x float64) float64 { return float64((n - 1) * exact.Log1p(-x)) }
