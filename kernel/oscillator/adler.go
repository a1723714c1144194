// Package oscillator holds the theory of coupled oscillators that the kernel reports against: what a drive
// does to a unit, how fast a graph agrees, and when it cannot. It is used to say what is true instead of
// "external forcing creates no synchronisation"; no gate depends on it. Source: KERNEL.md 2.8 S3, 4.1, 4.2.
package oscillator

import (
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// Drive is a unit under an external drive: theta' = Detuning - Coupling·sin theta, theta being the drive's
// phase less the unit's, in rad. Adler 1946.
type Drive struct {
	Detuning float64 // rad/s, the drive's frequency less the unit's own
	Coupling float64 // rad/s, >= 0; 0 for a drive that was not admitted
}

// Locks reports whether the drive captures the unit: |Detuning| <= Coupling, and Coupling above 0.
func (d Drive) Locks() bool { return d.Coupling > 0 && math.Abs(d.Detuning) <= d.Coupling }

// LongRun returns |<exp(i·theta)>| over a long time, the resonance that a drive alone produces:
//
//	1 where it locks, else (|Δ| - sqrt(Δ²-K²))/K: below 1 and above 0 for any coupling at all.
//
// It is 0 without coupling.
func (d Drive) LongRun() float64 {
	k, w := math.Abs(d.Coupling), math.Abs(d.Detuning)
	switch {
	case k == 0:
		return 0
	case w <= k:
		return 1
	}
	return k / (w + math.Sqrt(float64((w-k)*(w+k)))) // the same number without cancellation
}

// LockPhase returns where theta comes to rest, asin(Detuning/Coupling), and false where it never does.
func (d Drive) LockPhase() (float64, bool) {
	if !d.Locks() {
		return 0, false
	}
	k, w := d.Coupling, d.Detuning
	return exact.Atan2(w, math.Sqrt(float64((k-w)*(k+w)))), true
}

// Rate returns how fast a locked theta returns to rest, sqrt(K²-Δ²) in 1/s; at the edge of locking 0.
func (d Drive) Rate() float64 {
	if !d.Locks() {
		return 0
	}
	return math.Sqrt(float64((d.Coupling - d.Detuning) * (d.Coupling + d.Detuning)))
}

// Beat returns the frequency at which an unlocked theta slips, sqrt(Δ²-K²) in rad/s; 0 where it locks.
func (d Drive) Beat() float64 {
	w, k := math.Abs(d.Detuning), math.Abs(d.Coupling)
	if w <= k {
		return 0
	}
	return math.Sqrt(float64((w - k) * (w + k)))
}

// Step returns theta after dt seconds by the classical Runge-Kutta rule, of fourth order in dt.
func (d Drive) Step(theta, dt float64) float64 {
	slope := func(x float64) float64 { return d.Detuning - float64(d.Coupling*sin(x)) }
	half := float64(dt / 2)
	a := slope(theta)
	b := slope(theta + float64(half*a))
	c := slope(theta + float64(half*b))
	e := slope(theta + float64(dt*c))
	return theta + float64(dt/6*(a+float64(2*b)+float64(2*c)+e))
}

func sin(x float64) float64 {
	s, _ := exact.Sincos(exact.Turns(x))
	return s
}
