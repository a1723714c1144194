// Package phase turns raw input into unit phasors and motion.
package phase

// Form says which of the input forms a sample carries.
type Form uint8

// The forms. The zero value is no form and is refused.
const (
	Phasor Form = 1 + iota // complex values, one a channel dimension
	Real                   // real values: the lock-in makes them analytic
	Angle                  // radians
	Event                  // something happened at T; no value
)

// Sample is one raw observation as it enters the kernel. The kernel reads the slices during one
// call and keeps none of them.
type Sample struct {
	T    int64        // event time in ns, any epoch
	Form Form         // which of X and R is set
	X    []complex128 // Phasor: D values, |x| <= 1e150
	R    []float64    // Real: D values; Angle: D radians
	Y    []complex128 // the reference, D values, or nil: the field's own model or lag
	YR   []float64    // the reference in the form Angle or Real, or nil
}

// Point is one observation in the form that the integrators take.
type Point struct {
	T      int64        // event time, ns
	U      []complex128 // D unit phasors (phasor reading) or analytic values (energy reading)
	V      []complex128 // the reference, D values; nil where the integrator's lag ring supplies it
	Weight float64      // 0 where the motion gate found no motion, else 1
}
