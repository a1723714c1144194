package phase

import "time"

// Config says how samples become points. The zero value reads one channel of any form by phase,
// without motion gate and without lock-in.
type Config struct {
	Form        Form    // the only form accepted; 0 accepts every form
	Dims        int     // channels D, 1…65536; 0 means 1
	Reading     Reading // unit phasors or analytic values
	MotionFloor float64 // rad, 0…2: least chord between successive raw phasors that has weight; 0 is no gate
	LockIn      LockIn  // for real samples; the zero value takes them as they are, x+0i
}

// LockIn makes real samples analytic: demodulation at one frequency and a causal one-pole low-pass.
type LockIn struct {
	NCO      NCO           // the line; F = 0 is no lock-in
	Tau      time.Duration // > 0: time constant of the low-pass
	Velocity bool          // demodulate (x_k - x_{k-1})/dt at mid time instead of x_k
	MaxGap   time.Duration // pairs farther apart give no velocity, and no sample counts for longer; 0 is no limit
}

// Estimator turns samples into points. Not safe for concurrent use.
type Estimator struct{}

// NewEstimator validates cfg and returns an estimator that has heard nothing.
func NewEstimator(cfg Config) (*Estimator, error) { panic("unfinished") }

// Step estimates s. ok is false where s gives no point yet (the first of a velocity). The slices of p
// belong to the estimator and hold until the next Step. An error leaves the estimator as it was.
func (e *Estimator) Step(s *Sample) (p Point, ok bool, err error) { panic("unfinished") }

// AppendBinary appends the estimator's state.
func (e *Estimator) AppendBinary(dst []byte) ([]byte, error) { panic("unfinished") }

// UnmarshalBinary restores a state of an estimator of the same Config.
func (e *Estimator) UnmarshalBinary(b []byte) error { panic("unfinished") }

// Correlation returns how many samples dt apart one independent sample is worth behind a one-pole
// filter of time constant tau: coth(dt/2tau) >= 1. Divide nu by it.
func Correlation(dt, tau time.Duration) float64 { panic("unfinished") }
