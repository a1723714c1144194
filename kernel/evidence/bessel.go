// Package evidence weighs coherence against chance.
//
// Chance (H0) is: the phases of the demodulated products are uniform on the circle given the past. Under
// it the universal bound holds for one look at |T|² with any weights, the e-process for all looks of one
// run together, and the e-SR detector for the mean time to a false alarm. Everything here is the same
// to the bit on every machine. Source: KERNEL.md 2.
package evidence

import (
	"math"
	"math/bits"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

const (
	seriesEnd = 32.0               // below: a table of polynomials; above: asymptotic series
	lnTau     = 1.8378770664093453 // ln 2π

	pieces    = 128 // of the table, each seriesEnd/pieces = 1/4 wide
	pieceTerm = 9   // coefficients of each
)

// ratio holds ln I0(x)/(x²/4) on each piece as a polynomial of degree 8 in the distance from its middle,
// ±1 at its ends. ln I0 is analytic but for the zeros of I0, the nearest at ±2.4i: what is cut off is below
// 1e-14 of the value, at 0 too.
var ratio = func() (t [pieces][pieceTerm]float64) {
	for k := range t {
		t[k] = interpolate(func(s float64) float64 {
			x := (float64(2*k+1) + s) / 8
			return exact.Log1p(i0Less1(x)) / float64(float64(x*x)*0.25)
		})
	}
	return t
}()

// interpolate returns the polynomial that agrees with f at the nine Chebyshev nodes of [-1, 1].
func interpolate(f func(s float64) float64) (c [pieceTerm]float64) {
	var value [pieceTerm]float64
	for j := range value {
		value[j] = f(chebyshev(j, 1))
	}
	var below, now [pieceTerm]float64 // T_{n-1} and T_n by powers of s
	now[0] = 1
	for n := range pieceTerm {
		a := 0.0
		for j, v := range value {
			a += float64(v * chebyshev(j, n))
		}
		a = float64(a * 2 / pieceTerm)
		if n == 0 {
			a *= 0.5
		}
		var next [pieceTerm]float64
		for i, v := range now {
			c[i] += float64(a * v)
			if i+1 < pieceTerm {
				next[i+1] = 2 * v
			}
		}
		if n == 0 {
			next[1] = 1
		}
		for i, v := range below {
			next[i] -= v
		}
		below, now = now, next
	}
	return c
}

// chebyshev returns T_n at node j: the cosine of n times its angle, (2j+1)/36 of a turn.
func chebyshev(j, n int) float64 {
	const parts = 4 * pieceTerm
	turns, _ := bits.Div64(uint64((2*j+1)*n%parts), 0, parts)
	_, cos := exact.Sincos(turns)
	return cos
}

// LnI0 returns ln I0(x) of the modified Bessel function, even in x, with a relative error below 1e-14.
// NaN for NaN, +Inf for infinities.
func LnI0(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x < seriesEnd:
		return lnI0Near(x)
	case x <= math.MaxFloat64:
		return lnI0Far(x, exact.Log(x))
	}
	return x
}

// lnI0Near is LnI0 for 0 <= x < seriesEnd.
func lnI0Near(x float64) float64 {
	k := int(4 * x)
	c := &ratio[k&(pieces-1)]
	s := float64(8*x) - float64(2*k+1)
	s2 := float64(s * s)
	s4 := float64(s2 * s2)
	low := (c[0] + float64(c[1]*s)) + float64(s2*(c[2]+float64(c[3]*s)))
	high := (c[4] + float64(c[5]*s)) + float64(s2*(c[6]+float64(c[7]*s)))
	p := low + float64(s4*(high+float64(s4*c[8])))
	return float64(float64(float64(x*x)*0.25) * p)
}

// lnI0Far is LnI0 for x >= seriesEnd whose logarithm is ln: x - ½·ln(2πx) + ln of the asymptotic series, of
// which the terms that follow are below 2e-14.
func lnI0Far(x, ln float64) float64 {
	y := 1 / x
	p := 23.475127749972874 + float64(y*106.467822265625)
	p = 5.809814453125 + float64(y*p)
	p = 1.6380658830915178 + float64(y*p)
	p = 103.0/192 + float64(y*p)
	p = 1073.0/5120 + float64(y*p)
	p = 13.0/128 + float64(y*p)
	p = 25.0/384 + float64(y*p)
	p = 1.0/16 + float64(y*p)
	p = 1.0/8 + float64(y*p)
	return (x - float64(0.5*(lnTau+ln))) + float64(y*p)
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
