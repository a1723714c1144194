// Package evidence weighs coherence against chance.
//
// Chance (H0) is: the phases of the demodulated products are uniform on the circle given the past. Under
// it the universal bound holds for one look at |T|² with any weights, the e-process for all looks of one
// run together, and the e-SR detector for the mean time to a false alarm. Everything here is the same
// to the bit on every machine. Source: KERNEL.md 2.
package evidence

import (
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

const (
	seriesEnd = 30.0               // below: power series; above: asymptotic series
	lnTau     = 1.8378770664093453 // ln 2π
)

// LnI0 returns ln I0(x) of the modified Bessel function, even in x, with a relative error below 1e-12.
// NaN for NaN, +Inf for infinities.
func LnI0(x float64) float64 {
	x = math.Abs(x)
	if !(x > seriesEnd) {
		return exact.Log1p(i0Less1(x))
	}
	if x > math.MaxFloat64 {
		return x
	}
	return x - float64(0.5*(lnTau+exact.Log(x))) + exact.Log1p(asymptote(x, 0))
}

// i0Less1 returns I0(x)-1 = Σ_{k>=1} (x²/4)^k/k!², every term positive.
func i0Less1(x float64) float64 {
	q := float64(float64(x*x) * 0.25)
	sum, term := 0.0, 1.0
	for k := 1.0; ; k++ {
		term = float64(term*q) / float64(k*k)
		sum += term
		if !(term > 1e-18*sum) {
			return sum
		}
	}
}

// asymptote returns Σ_{k>=1} of the series in I_n(x)·e^-x·sqrt(2πx) = Σ (-1)^k·Π((4n²-(2j-1)²)/(8jx)).
// At x > 30 its terms fall below 1e-18 long before they grow again, near k = 2x.
func asymptote(x, n float64) float64 {
	sum, term := 0.0, 1.0
	for k := 1.0; ; k++ {
		odd := 2*k - 1
		term = float64(term*(float64(odd*odd)-float64(4*n*n))) / float64(8*k*x)
		sum += term
		if math.Abs(term) < 1e-18 {
			return sum
		}
	}
}

// I1I0 returns I1(x)/I0(x), the mean resultant of a von Mises phase of concentration x, odd in x, with a
// relative error below 1e-12.
func I1I0(x float64) float64 {
	a := math.Abs(x)
	var r float64
	switch {
	case a > math.MaxFloat64:
		r = 1
	case a > seriesEnd:
		r = (1 + asymptote(a, 1)) / (1 + asymptote(a, 0))
	default:
		r = float64(0.5*a) * i1Series(a) / (1 + i0Less1(a))
	}
	return math.Copysign(r, x)
}

// i1Series returns 2·I1(x)/x = Σ_{k>=0} (x²/4)^k/(k!(k+1)!).
func i1Series(x float64) float64 {
	q := float64(float64(x*x) * 0.25)
	sum, term := 1.0, 1.0
	for k := 1.0; ; k++ {
		term = float64(term*q) / float64(k*(k+1))
		sum += term
		if !(term > 1e-18*sum) {
			return sum
		}
	}
}
