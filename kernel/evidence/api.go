// Package evidence weighs coherence against chance: bounds, e-processes and their thresholds.
package evidence

// LnI0 returns ln I0(x).
func LnI0(x float64) float64 { panic("unfinished") }

// LnBound returns ln of the universal bound P(|T|² >= x) <= exp(nu·x)/I0(2·nu·x), not above 0 clamped.
func LnBound(nu, x float64) float64 { panic("unfinished") }

// NuMin returns the smallest nu whose bound at ic is alpha or less.
func NuMin(ic, alpha float64) (float64, error) { panic("unfinished") }

// AlphaEval returns the budget of one look: alphaHour/(3600·fEval).
func AlphaEval(alphaHour, fEval float64) (float64, error) { panic("unfinished") }

// GLRT returns -nu·ln(1-t2) nats.
func GLRT(nu, t2 float64) float64 { panic("unfinished") }

// Process is the e-process of KERNEL.md 2.3 (ii): P(ever E >= 1/alpha) <= alpha. The zero value is ready.
type Process struct{}

// Step takes the phase of u (any modulus but 0) with a weight in [0, 1].
func (e *Process) Step(u complex128, weight float64) { panic("unfinished") }

// LnE returns ln E.
func (e *Process) LnE() float64 { panic("unfinished") }

// Reset forgets everything.
func (e *Process) Reset() { panic("unfinished") }

// Detector is the e-SR detector of KERNEL.md 2.3 (iii): mean time to a false alarm at A is A steps or more.
type Detector struct{}

// NewDetector returns a detector that has heard nothing.
func NewDetector() *Detector { panic("unfinished") }

// Step takes the phase of u with a weight in [0, 1].
func (d *Detector) Step(u complex128, weight float64) { panic("unfinished") }

// LnSR returns ln of the mean lane.
func (d *Detector) LnSR() float64 { panic("unfinished") }

// Reset forgets everything.
func (d *Detector) Reset() { panic("unfinished") }
