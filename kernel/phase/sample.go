// Package phase turns raw input into unit phasors and motion.
package phase

import (
	"errors"
	"fmt"
	"math"
)

// Form says which of the input forms a sample carries.
type Form uint8

// The forms. The zero value is no form and is refused.
const (
	Phasor Form = 1 + iota // complex values, one a channel dimension
	Real                   // real values: the lock-in makes them analytic
	Angle                  // radians
	Event                  // something happened at T; no value
)

var formNames = [...]string{Phasor: "phasor", Real: "real", Angle: "angle", Event: "event"}

// String returns the form's name: "phasor", "real", "angle" or "event".
func (f Form) String() string {
	if int(f) < len(formNames) && formNames[f] != "" {
		return formNames[f]
	}
	return fmt.Sprintf("form(%d)", uint8(f))
}

// Clamp is the largest magnitude of a real or imaginary part; larger finite values count as it.
const Clamp = 1e150

// ErrLate reports a sample that is too old to be placed. Where a caller goes on, it counts them.
var ErrLate = errors.New("sample is too late")

// Sample is one raw observation as it enters the kernel. The kernel reads the slices during one
// call and keeps none of them.
type Sample struct {
	T    int64        // event time in ns, any epoch
	Form Form         // which of X and R is set
	X    []complex128 // Phasor: D values, |x| <= 1e150
	R    []float64    // Real: D values; Angle: D radians
	Y    []complex128 // the reference, D values, or nil: the field's own model or lag
	YR   []float64    // the reference of a Real or Angle sample in the sample's own form, or nil
}

// Point is one observation in the form that the integrators take.
type Point struct {
	T      int64        // event time, ns
	U      []complex128 // D unit phasors (phasor reading) or analytic values (energy reading)
	V      []complex128 // the reference, D values; nil where the integrator's lag ring supplies it
	Weight float64      // 0 where the motion gate found no motion, else 1
}

// Validate returns an error unless s holds d finite values of its form and no others.
func (s *Sample) Validate(d int) error {
	x, r := 0, 0
	switch s.Form {
	case Phasor:
		x = d
	case Real, Angle:
		r = d
	case Event:
	default:
		return fmt.Errorf("phase: sample form %d: not in 1…4", uint8(s.Form))
	}
	if len(s.X) != x || len(s.R) != r {
		return fmt.Errorf("phase: %s sample of %d complex and %d real values: want %d and %d", s.Form, len(s.X), len(s.R), x, r)
	}
	if err := s.validateReference(d); err != nil {
		return err
	}
	if i := firstNotFinite(s.X); i >= 0 {
		return fmt.Errorf("phase: sample value %d is %v: not finite", i, s.X[i])
	}
	if i := firstNotFiniteReal(s.R); i >= 0 {
		return fmt.Errorf("phase: sample value %d is %v: not finite", i, s.R[i])
	}
	return nil
}

func (s *Sample) validateReference(d int) error {
	switch {
	case s.Y != nil && s.YR != nil:
		return errors.New("phase: sample with two references: want Y or YR")
	case s.Y != nil && len(s.Y) != d:
		return fmt.Errorf("phase: reference of %d complex values: want %d", len(s.Y), d)
	case s.YR != nil && len(s.YR) != d:
		return fmt.Errorf("phase: reference of %d real values: want %d", len(s.YR), d)
	case s.YR != nil && s.Form != Real && s.Form != Angle:
		return fmt.Errorf("phase: real reference of a %s sample: want Y", s.Form)
	}
	if i := firstNotFinite(s.Y); i >= 0 {
		return fmt.Errorf("phase: reference value %d is %v: not finite", i, s.Y[i])
	}
	if i := firstNotFiniteReal(s.YR); i >= 0 {
		return fmt.Errorf("phase: reference value %d is %v: not finite", i, s.YR[i])
	}
	return nil
}

func firstNotFinite(z []complex128) int {
	for i, v := range z {
		if !finite(real(v)) || !finite(imag(v)) {
			return i
		}
	}
	return -1
}

func firstNotFiniteReal(x []float64) int {
	for i, v := range x {
		if !finite(v) {
			return i
		}
	}
	return -1
}

func finite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }

// clean clamps x to ±Clamp and flushes denormals, which are slow and carry no signal, to 0.
func clean(x float64) float64 {
	const least = 0x1p-1022
	switch a := math.Abs(x); {
	case a < least:
		return 0
	case a > Clamp:
		return math.Copysign(Clamp, x)
	}
	return x
}
