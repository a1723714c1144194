package exact

import "math"

// Atan2 returns the angle of x+iy in [-π, π] within 5e-16, 0 at the origin, NaN for NaN and infinities.
func Atan2(y, x float64) float64 {
	ax, ay := math.Abs(x), math.Abs(y)
	small, big := min(ax, ay), max(ax, ay)
	switch {
	case !(big <= math.MaxFloat64):
		return math.NaN()
	case big == 0:
		return 0
	}
	a := atanRatio(small, big)
	if ay > ax {
		a = math.Pi/2 - a
	}
	if math.Signbit(x) {
		a = math.Pi - a
	}
	if math.Signbit(y) {
		return -a
	}
	return a
}

// atanRatio returns atan(y/x) for 0 <= y <= x: the nearest k/32, then the series of the rest, which is
// within 1/60 and ends below 1e-20.
func atanRatio(y, x float64) float64 {
	k := math.Floor(float64(32*(y/x)) + 0.5)
	r := y / x
	if k > 0 {
		c := k / 32
		r = (y - float64(c*x)) / (x + float64(c*y))
	}
	z := float64(r * r)
	p := 1.0/9 - float64(z*(1.0/11))
	p = 1.0/7 - float64(z*p)
	p = 1.0/5 - float64(z*p)
	p = 1.0/3 - float64(z*p)
	return arc[int(k)] + (r - float64(float64(r*z)*p))
}

// Abs returns |z| with a relative error below 1e-15, without overflow or underflow on the way.
func Abs(z complex128) float64 {
	a, b := math.Abs(real(z)), math.Abs(imag(z))
	if m := max(a, b); !(m < 1e150) || m < 1e-140 {
		return absScaled(a, b)
	}
	return math.Sqrt(float64(a*a) + float64(b*b))
}

func absScaled(a, b float64) float64 {
	m := max(a, b)
	switch {
	case m == 0 || !(m <= math.MaxFloat64):
		return m
	case m > 1:
		a, b = float64(a*0x1p-600), float64(b*0x1p-600)
		return float64(math.Sqrt(float64(a*a)+float64(b*b)) * 0x1p600)
	}
	a, b = float64(a*0x1p600), float64(b*0x1p600)
	return float64(math.Sqrt(float64(a*a)+float64(b*b)) * 0x1p-600)
}

// Mul returns a·b with every product rounded by itself.
func Mul(a, b complex128) complex128 {
	return complex(
		float64(real(a)*real(b))-float64(imag(a)*imag(b)),
		float64(real(a)*imag(b))+float64(imag(a)*real(b)))
}

// MulConj returns a·conj(b) with every product rounded by itself.
func MulConj(a, b complex128) complex128 {
	return complex(
		float64(real(a)*real(b))+float64(imag(a)*imag(b)),
		float64(imag(a)*real(b))-float64(real(a)*imag(b)))
}

// Scale returns s·z.
func Scale(s float64, z complex128) complex128 {
	return complex(float64(s*real(z)), float64(s*imag(z)))
}

// Unit returns z/|z|, and 0 for 0, NaN and infinities.
func Unit(z complex128) complex128 {
	a := Abs(z)
	switch {
	case !(a > 0) || a > math.MaxFloat64:
		return 0
	case a < 1e-300:
		return Unit(Scale(0x1p600, z))
	}
	return complex(real(z)/a, imag(z)/a)
}
