package kairos

import (
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// Partial returns the coherence of x and y that is left when what both share with z is taken out,
//
//	g_xy.z = (g_xy - g_xz·g_zy)/sqrt((1 - |g_xz|²)·(1 - |g_zy|²)),
//
// from the resonances of the three pairs over one window, each demodulated so that the three phases add
// up (g_zy is that of z against y, g_yz its conjugate). ok is false where z explains x or y to the last
// bit and leaves nothing. Its null is evidence.LnMSCGiven with q = 1: each reference costs a sample.
// Source: KERNEL.md 1.5 (e).
func Partial(xy, xz, zy complex128) (g complex128, ok bool) {
	left := float64((1 - norm2(xz)) * (1 - norm2(zy)))
	if !(norm2(xz) < 1 && norm2(zy) < 1 && left > 0) {
		return 0, false
	}
	num := xy - exact.Mul(xz, zy)
	return inDisc(exact.Scale(1/math.Sqrt(left), num)), true
}

// Drift returns dψ/dt in rad/s between two readings of one window, and false where time has not passed or
// either reading has no phase. ψ may turn by up to half a turn between them; more is heard as less. It is
// the detuning that is left: a window of time constant tau takes it for chance beyond about 1/tau.
func Drift(from, to Resonance) (radPerS float64, ok bool) {
	if to.At <= from.At || from.T == 0 || to.T == 0 {
		return 0, false
	}
	z := exact.MulConj(to.T, from.T)
	return exact.Atan2(imag(z), real(z)) / float64(float64(age(to.At, from.At))*1e-9), true
}
