package exact

import "math"

const (
	ln2Hi  = 0.6931471803691238     // ln 2 with its last 21 bits cleared: k·ln2Hi is exact for |k| < 2^21
	ln2Lo  = 1.9082149292705877e-10 // ln 2 - ln2Hi
	perLn2 = 1.4426950408889634

	maxExp = 709.782712893384   // the largest x whose e^x is finite
	minExp = -745.1332191019412 // the least x whose e^x is not 0
)

// Exp returns e^x with a relative error below 1e-15: +Inf above 709.78, 0 below -745.13, NaN for NaN.
func Exp(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > maxExp:
		return math.Inf(1)
	case x < minExp:
		return 0
	}
	k := math.Floor(float64(x*perLn2) + 0.5)
	r := (x - float64(k*ln2Hi)) - float64(k*ln2Lo)
	return scale(taylorExp(r), int(k))
}

// ExpNeg returns e^-x for x >= 0 with a relative error below 1e-15. It is fastest below 1/16, where the
// decay between two samples of a window usually is. A negative x counts as 0, NaN gives NaN.
func ExpNeg(x float64) float64 {
	if x < 1.0/16 {
		if x <= 0 {
			return 1
		}
		p := 1.0/40320 - float64(x*(1.0/362880))
		p = 1.0/5040 - float64(x*p)
		p = 1.0/720 - float64(x*p)
		p = 1.0/120 - float64(x*p)
		p = 1.0/24 - float64(x*p)
		p = 1.0/6 - float64(x*p)
		p = 0.5 - float64(x*p)
		return 1 - float64(x*(1-float64(x*p)))
	}
	return Exp(-x)
}

// taylorExp returns e^r for |r| <= 0.35; the first term left out is below 5e-18.
func taylorExp(r float64) float64 {
	p := 1.0/479001600 + float64(r*(1.0/6227020800))
	p = 1.0/39916800 + float64(r*p)
	p = 1.0/3628800 + float64(r*p)
	p = 1.0/362880 + float64(r*p)
	p = 1.0/40320 + float64(r*p)
	p = 1.0/5040 + float64(r*p)
	p = 1.0/720 + float64(r*p)
	p = 1.0/120 + float64(r*p)
	p = 1.0/24 + float64(r*p)
	p = 1.0/6 + float64(r*p)
	p = 0.5 + float64(r*p)
	return 1 + (r + float64(float64(r*r)*p))
}

// scale returns p·2^k for p near 1 and -1075 <= k <= 1024.
func scale(p float64, k int) float64 {
	switch {
	case k < -1021:
		return float64(float64(p*pow2(k+1000)) * pow2(-1000))
	case k > 1022:
		return float64(float64(p*2) * pow2(k-1))
	}
	return float64(p * pow2(k))
}

func pow2(k int) float64 { return math.Float64frombits(uint64(k+1023) << 52) }

// Log returns the natural logarithm of x with a relative error below 1e-15: -Inf for 0, +Inf for +Inf,
// NaN for negative x and NaN.
func Log(x float64) float64 {
	switch {
	case x != x || x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	case x > math.MaxFloat64:
		return x
	}
	m, k := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m += m
		k--
	}
	f := m - 1
	tail := logTail(f)
	n := float64(k)
	return float64(n*ln2Hi) + (f - (tail - float64(n*ln2Lo)))
}

// Log1p returns ln(1+x) with a relative error below 1e-15, as Log does at the ends: -Inf for -1.
func Log1p(x float64) float64 {
	if x > -0.29 && x < 0.41 {
		return x - logTail(x)
	}
	u := 1 + x
	if u <= 0 || u != u || u > math.MaxFloat64 {
		return Log(u)
	}
	return Log(u) + (x-(u-1))/u // the rounding of 1+x, carried on to first order
}

// logTail returns f - ln(1+f) for f in [√½-1, √2-1]: with s = f/(2+f), ln(1+f) = 2·artanh s.
func logTail(f float64) float64 {
	s := f / (2 + f)
	z := float64(s * s)
	p := 2.0/21 + float64(z*(2.0/23))
	p = 2.0/19 + float64(z*p)
	p = 2.0/17 + float64(z*p)
	p = 2.0/15 + float64(z*p)
	p = 2.0/13 + float64(z*p)
	p = 2.0/11 + float64(z*p)
	p = 2.0/9 + float64(z*p)
	p = 2.0/7 + float64(z*p)
	p = 2.0/5 + float64(z*p)
	p = 2.0/3 + float64(z*p)
	return float64(s * (f - float64(z*p)))
}
