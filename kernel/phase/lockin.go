package phase

import (
	"fmt"
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// LockIn makes real samples analytic: demodulation at one line and a causal one-pole low-pass,
//
//	z <- z·exp(-dt/Tau) + (1-exp(-g/Tau))·2·d·exp(-iωt),   g = min(dt, MaxGap)
//
// where d is x_k, or with Velocity (x_k - x_{k-1})/dt at the middle of the pair. A real line
// A·cos(ωt+φ) becomes z = A·exp(iφ) up to the image at -2ω, which the low-pass leaves at
// 1/sqrt(1+(2ω·Tau)²). dt is capped in the second factor so that one sample after a gap does not own z.
type LockIn struct {
	NCO      NCO           // the line; the zero value is no lock-in
	Tau      time.Duration // > 0: time constant of the low-pass
	Velocity bool          // demodulate the velocity, which is blind to the level
	MaxGap   time.Duration // pairs farther apart give no velocity; 0 is no limit
}

// On reports whether real samples are demodulated at all.
func (l LockIn) On() bool { return !l.NCO.Still() }

// Validate names the field that is out of range.
func (l LockIn) Validate() error {
	switch {
	case !l.On():
		if l.Tau != 0 || l.Velocity || l.MaxGap != 0 {
			return fmt.Errorf("phase: lock-in frequency 0: want one that is not, or no other lock-in field")
		}
	case l.Tau <= 0:
		return fmt.Errorf("phase: lock-in tau %v: not above 0", l.Tau)
	case l.MaxGap < 0:
		return fmt.Errorf("phase: lock-in max_gap %v: below 0", l.MaxGap)
	}
	return nil
}

// halfPeriod returns how long half a turn of the line lasts, in ns.
func (l LockIn) halfPeriod() float64 { return float64(0.5 * l.NCO.period()) }

// Correlation returns how many samples dt apart one independent sample is worth behind a one-pole filter
// of time constant tau: coth(dt/2tau) >= 1. Divide nu by it. It is 1 without a filter (tau = 0) and +Inf
// for dt <= 0.
func Correlation(dt, tau time.Duration) float64 {
	switch {
	case tau <= 0:
		return 1
	case dt <= 0:
		return math.Inf(1)
	}
	l := exact.ExpNeg(float64(dt) / float64(tau))
	return (1 + l) / (1 - l)
}

// filter is the running state of a lock-in over D channels.
type filter struct {
	cfg     LockIn
	z       []complex128 // low-passed, doubled
	x       []float64    // the previous sample
	xAt     int64        // its time
	zAt     int64        // the time of z
	changed int64        // when a sample last differed from the one before
	heard   bool         // x and xAt are set
	primed  bool         // zAt is set
}

func newFilter(cfg LockIn, d int) *filter {
	return &filter{cfg: cfg, z: make([]complex128, d), x: make([]float64, d)}
}

// step advances the filter to the sample x at t. ok is false where z did not advance.
func (f *filter) step(t int64, x []float64) (ok bool) {
	if !f.heard {
		f.heard, f.xAt, f.changed = true, t, t
		f.keep(x)
		return false
	}
	dt := uint64(t) - uint64(f.xAt) // the estimator refused t < xAt
	if dt == 0 {
		return false
	}
	far := f.cfg.MaxGap > 0 && dt > uint64(f.cfg.MaxGap)
	at := t
	if f.cfg.Velocity {
		at = f.xAt + int64(dt/2)
	}
	if !f.cfg.Velocity || !far {
		f.feed(at, dt, x)
		ok = true
	}
	for d := range x {
		if clean(x[d]) != f.x[d] {
			f.changed = t
		}
	}
	f.keep(x)
	f.xAt = t
	return ok
}

// feed low-passes the demodulated input at the instant at; dt is the age of the previous sample.
func (f *filter) feed(at int64, dt uint64, x []float64) {
	step := float64(dt)
	if f.primed {
		step = float64(uint64(at) - uint64(f.zAt))
	}
	gain := step
	if g := float64(f.cfg.MaxGap); g > 0 && gain > g {
		gain = g
	}
	tau := float64(f.cfg.Tau)
	keep := exact.ExpNeg(step / tau)
	take := 2 * (1 - exact.ExpNeg(gain/tau))
	rot := f.cfg.NCO.Rotor(at)
	for d := range x {
		v := clean(x[d])
		if f.cfg.Velocity {
			v = (v - f.x[d]) / (float64(dt) * 1e-9)
		}
		v = float64(v * take)
		z := f.z[d]
		f.z[d] = complex(
			clean(float64(keep*real(z))+float64(v*real(rot))),
			clean(float64(keep*imag(z))-float64(v*imag(rot))))
	}
	f.zAt, f.primed = at, true
}

func (f *filter) keep(x []float64) {
	for d := range x {
		f.x[d] = clean(x[d])
	}
}

// stuck reports whether no channel has changed for longer than half a period, which a line never does.
func (f *filter) stuck(t int64) bool {
	return float64(uint64(t)-uint64(f.changed)) > f.cfg.halfPeriod()
}

func (f *filter) append(dst []byte) []byte {
	dst = state.Bool(state.Bool(dst, f.heard), f.primed)
	dst = state.Int(state.Int(state.Int(dst, f.xAt), f.zAt), f.changed)
	return state.Floats(state.Complexes(dst, f.z...), f.x...)
}

func (f *filter) read(r *state.Reader) {
	f.heard, f.primed = r.Bool(), r.Bool()
	f.xAt, f.zAt, f.changed = r.Int(), r.Int(), r.Int()
	r.Complexes(f.z)
	for d := range f.x {
		f.x[d] = r.Float()
	}
}
