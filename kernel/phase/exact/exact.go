// Package exact computes elementary functions to the same bits on every machine.
package exact

// Sincos returns sine and cosine of 2π·turns/2^64.
func Sincos(turns uint64) (sin, cos float64) { panic("unfinished") }

// Turns returns rad/2π modulo one turn, in turns·2^64.
func Turns(rad float64) uint64 { panic("unfinished") }

// Atan2 returns the angle of x+iy in (-π, π].
func Atan2(y, x float64) float64 { panic("unfinished") }

// Abs returns |z| without overflow or underflow.
func Abs(z complex128) float64 { panic("unfinished") }

// Mul returns a·b with every product rounded.
func Mul(a, b complex128) complex128 { panic("unfinished") }

// MulConj returns a·conj(b) with every product rounded.
func MulConj(a, b complex128) complex128 { panic("unfinished") }

// Exp returns e^x.
func Exp(x float64) float64 { panic("unfinished") }

// ExpNeg returns e^-x for x >= 0.
func ExpNeg(x float64) float64 { panic("unfinished") }

// Log returns the natural logarithm of x > 0.
func Log(x float64) float64 { panic("unfinished") }

// Log1p returns ln(1+x) for x > -1.
func Log1p(x float64) float64 { panic("unfinished") }
