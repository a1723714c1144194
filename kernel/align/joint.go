// Package align joins Master and Emissary into one state.
package align

import (
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// Pathway is what one of the two pathways says, read for the same instant.
type Pathway struct {
	T    complex128 // its resonance, shrunk or not, |T| <= 1
	W, Q float64    // Σ w and Σ w² of its window
}

// Joint is the state of Master and Emissary together (KERNEL.md 1.10).
type Joint struct {
	T     complex128 // T_sync = (T_m + T_e)/2, the complex mean
	T2    float64    // |T_sync|²
	Chord float64    // |T_m - T_e|, the phase difference that the gate judges, in [0, 2]
	Gap   float64    // | |T_m| - |T_e| |, blind to phase and published beside the chord
	Angle float64    // arg(T_m·conj(T_e)), rad in (-π, π]; 0 where either is 0
	Nu    float64    // independent samples that T_sync is worth; 0 where a pathway is empty
}

// Join returns the joint state. cross is Σ w_m·w_e over the samples that both pathways hold.
//
// T_sync is itself a weighted mean of the same phasors, with weights v = ½(w_m/W_m + w_e/W_e) that sum
// to 1, so its own Kish number is 1/Σv²:
//
//	1/nu = ¼(Q_m/W_m² + Q_e/W_e² + 2·cross/(W_m·W_e))
//
// The universal bound at that nu holds for the shrunk T too: shrinking makes every weight smaller, and
// with them Σv², so P(|T~_sync|² >= x) <= U(1/Σv~², x) <= U(nu, x).
func Join(master, emissary Pathway, cross float64) Joint {
	m, e := master.T, emissary.T
	t := complex((real(m)+real(e))/2, (imag(m)+imag(e))/2)
	j := Joint{
		T:     t,
		T2:    float64(real(t)*real(t)) + float64(imag(t)*imag(t)),
		Chord: exact.Abs(m - e),
		Gap:   math.Abs(exact.Abs(m) - exact.Abs(e)),
		Nu:    kish(master, emissary, cross),
	}
	if turn := exact.MulConj(m, e); turn != 0 {
		j.Angle = exact.Atan2(imag(turn), real(turn))
	}
	return j
}

func kish(m, e Pathway, cross float64) float64 {
	if m.W <= 0 || e.W <= 0 {
		return 0
	}
	sum := float64(m.Q/m.W/m.W) + float64(e.Q/e.W/e.W) + float64(2*cross/m.W/e.W)
	return 4 / sum
}

// Least returns the least |T|² that each pathway has whenever |T_sync|² >= threshold, (2·√threshold-1)²,
// or 0 where the threshold forces nothing. It follows from |T_sync| <= (|T_m|+|T_e|)/2 and |T| <= 1.
func Least(threshold float64) float64 {
	r := float64(2*math.Sqrt(threshold)) - 1
	if r <= 0 {
		return 0
	}
	return float64(r * r)
}
