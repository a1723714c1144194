package phase

import "fmt"

// Reading says what of a sample counts: its phase alone, or its amplitude too (KERNEL.md 1.4).
type Reading uint8

// The readings. The zero value is the default of the kernel.
const (
	ByPhase  Reading = iota // unit phasors behind a hard limiter: T = S/W
	ByEnergy                // analytic values: T = S/sqrt(Ex·Ey)
)

// String returns the reading's name in configs: "phasor" or "energy".
func (r Reading) String() string {
	switch r {
	case ByPhase:
		return "phasor"
	case ByEnergy:
		return "energy"
	}
	return fmt.Sprintf("reading(%d)", uint8(r))
}

// MarshalText returns the reading's name; an invalid reading is an error.
func (r Reading) MarshalText() ([]byte, error) {
	if r > ByEnergy {
		return nil, fmt.Errorf("phase: reading %d: not in 0…1", uint8(r))
	}
	return []byte(r.String()), nil
}

// UnmarshalText accepts "phasor" and "energy".
func (r *Reading) UnmarshalText(b []byte) error {
	switch string(b) {
	case "phasor":
		*r = ByPhase
	case "energy":
		*r = ByEnergy
	default:
		return fmt.Errorf("phase: reading %q: not one of phasor, energy", b)
	}
	return nil
}
