package phasor

import (
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// LnTail returns ln of the bound on Re s of two independent atoms of d dimensions,
//
//	P(Re s >= t) <= exp(-d·(k·t - ln I0(k))),   I1(k)/I0(k) = t.
//
// 0 for t <= 0, -Inf for t >= 1. For |s|² use evidence.LnBound(d, x). Source: KERNEL.md 3.1.
func LnTail(d int, t float64) float64 { return -float64(float64(d) * rate(t)) }

// rate returns the exponent of LnTail per dimension.
func rate(t float64) float64 {
	switch {
	case t <= 0:
		return 0
	case t >= 1:
		return math.Inf(1)
	}
	k := rising(func(k float64) float64 { return evidence.I1I0(k) - t })
	return max(0, float64(k*t)-evidence.LnI0(k))
}

// rising returns where f, below 0 at 0 and rising, passes 0, to 1e-13 of its size.
func rising(f func(float64) float64) float64 {
	lo, hi := 0.0, 1.0
	for f(hi) < 0 && hi < 1e9 {
		lo, hi = hi, 2*hi
	}
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

// DimsFor returns the least d with LnTail(d, t) <= ln alpha. Where the best of k candidates counts, pass
// alpha/k. t in (0, 1), alpha in (0, 1).
func DimsFor(t, alpha float64) (int, error) {
	switch {
	case !(t > 0 && t < 1):
		return 0, fmt.Errorf("phasor: similarity %v: not in (0, 1)", t)
	case !(alpha > 0 && alpha < 1):
		return 0, fmt.Errorf("phasor: alpha %v: not in (0, 1)", alpha)
	}
	d := math.Ceil(-exact.Log(alpha) / rate(t))
	if !(d < 1<<53) {
		return 0, fmt.Errorf("phasor: similarity %v at alpha %v: needs more than 2^53 dimensions", t, alpha)
	}
	return int(d), nil
}

// DimsPerItem returns D/M of a bundle of M items of equal weight at which the threshold of half a weight
// takes a stranger for a member, or a member for a stranger, with the chance alpha: 2z², z the normal
// quantile. A bundle that forgets holds M = View.Items. Where the best of k candidates counts, pass
// alpha/k. alpha in (0, 1/2). Source: KERNEL.md 3.2.
func DimsPerItem(alpha float64) (float64, error) {
	if !(alpha > 0 && alpha < 0.5) {
		return 0, fmt.Errorf("phasor: alpha %v: not in (0, 0.5)", alpha)
	}
	ln := exact.Log(alpha)
	z := rising(func(z float64) float64 { return ln - lnUpper(z) })
	return float64(2 * float64(z*z)), nil
}

// lnUpper returns ln P(X > z) of a standard normal X, z >= 0: the series of the lower half below 2, the
// continued fraction of Mills' ratio above, both to 1e-14.
func lnUpper(z float64) float64 {
	const lnRoot2Pi = 0.9189385332046727
	lnDensity := -float64(0.5*float64(z*z)) - lnRoot2Pi
	if z < 2 {
		sum, term := 0.0, z
		for k := 3.0; term > 1e-18; k += 2 {
			sum += term
			term = float64(term * float64(z*z) / k)
		}
		return exact.Log(0.5 - float64(exact.Exp(lnDensity)*sum))
	}
	tail := z
	for k := 120.0; k >= 1; k-- {
		tail = z + k/tail
	}
	return lnDensity - exact.Log(tail)
}

// IDF returns ln((1+docs)/(1+with)) + 1, the weight of a word that occurs in with of docs texts: 1 for a
// word of every text. 0 <= with <= docs.
func IDF(docs, with uint64) float64 {
	return exact.Log((1+float64(docs))/(1+float64(with))) + 1
}
