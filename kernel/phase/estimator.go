package phase

import (
	"errors"
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// MaxDims is the most channels that a point has.
const MaxDims = 1 << 16

// Config says how samples become points. The zero value reads one channel of any form by phase,
// without motion gate and without a filter.
type Config struct {
	Form        Form    // the only form accepted; 0 accepts every form
	Dims        int     // channels D, 1…65536; 0 means 1
	Reading     Reading // unit phasors or analytic values
	MotionFloor float64 // rad, 0…2: least chord between successive raw phasors that has weight; 0 is no gate
	LockIn      LockIn  // for real samples; without a filter they are taken as they are, x+0i
	Hilbert     Hilbert // for real samples, instead of a lock-in
}

// Validate names the field that is out of range.
func (c Config) Validate() error {
	switch {
	case c.Form > Event:
		return fmt.Errorf("phase: form %d: not in 0…4", uint8(c.Form))
	case c.Dims < 0 || c.Dims > MaxDims:
		return fmt.Errorf("phase: dims %d: not in 0…%d", c.Dims, MaxDims)
	case c.Reading > ByEnergy:
		return fmt.Errorf("phase: reading %d: not in 0…1", uint8(c.Reading))
	case !(c.MotionFloor >= 0 && c.MotionFloor <= 2):
		return fmt.Errorf("phase: motion_floor %v rad: not in 0…2", c.MotionFloor)
	case c.LockIn.On() && c.Form != 0 && c.Form != Real:
		return fmt.Errorf("phase: lock-in of form %s: want real", c.Form)
	case c.Hilbert.On() && c.Form != 0 && c.Form != Real:
		return fmt.Errorf("phase: hilbert filter of form %s: want real", c.Form)
	case c.Hilbert.On() && c.LockIn.On():
		return errors.New("phase: hilbert filter behind a lock-in: want one of them")
	}
	if err := c.Hilbert.Validate(); err != nil {
		return err
	}
	return c.LockIn.Validate()
}

// Estimator turns samples into points: limiter, lock-in and motion gate. A constant phase has no motion,
// so with a floor it has no weight and can never become coherent. Not safe for concurrent use.
type Estimator struct {
	cfg   Config
	u, v  []complex128 // the point's own
	raw   []complex128 // unit phasors before demodulation, for the motion gate
	prev  []complex128 // raw of the newest sample
	moved bool         // prev is set
	last  int64        // time of the newest sample
	x, y  *filter      // lock-in of the signal and of its reference, or nil
	h, k  *fir         // Hilbert filters of the two, or nil
}

// NewEstimator validates cfg and returns an estimator that has heard nothing.
func NewEstimator(cfg Config) (*Estimator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	d := max(cfg.Dims, 1)
	cfg.Dims = d
	buf := make([]complex128, 4*d)
	e := &Estimator{cfg: cfg, u: buf[:d:d], v: buf[d : 2*d : 2*d], raw: buf[2*d : 3*d : 3*d], prev: buf[3*d:]}
	if cfg.LockIn.On() {
		e.x, e.y = newFilter(cfg.LockIn, d), newFilter(cfg.LockIn, d)
	}
	if cfg.Hilbert.On() {
		e.h, e.k = newFIR(cfg.Hilbert, d), newFIR(cfg.Hilbert, d)
	}
	return e, nil
}

// Step estimates s. ok is false where s gives no point yet (the first sample of a lock-in, a velocity
// over too wide a gap, a Hilbert filter that is not full). Behind a Hilbert filter the point is that of an
// earlier sample and bears its time. The slices of p belong to the estimator and hold until the next Step. Angles and
// events have amplitude 1. An error leaves the estimator as it was: a sample that is not finite or of the
// wrong shape, and, behind a filter, one older than the newest (ErrLate). Without a filter a late sample
// is taken, and its motion is measured against the newest. It allocates nothing unless it fails.
func (e *Estimator) Step(s *Sample) (p Point, ok bool, err error) {
	if err := e.admit(s); err != nil {
		return Point{}, false, err
	}
	p = Point{T: s.T, U: e.u, Weight: 1}
	locked := s.Form == Real && e.x != nil
	switch {
	case locked:
		ok = e.lock(s)
	case s.Form == Real && e.h != nil:
		ok = e.filter(s)
		p.T = e.h.at
	default:
		e.take(s)
		ok = true
	}
	if !ok {
		return Point{}, false, nil
	}
	if s.Y != nil || s.YR != nil {
		p.V = e.v
	}
	if e.still(s, locked) {
		p.Weight = 0
	}
	return p, true, nil
}

func (e *Estimator) admit(s *Sample) error {
	if e.cfg.Form != 0 && s.Form != e.cfg.Form {
		return fmt.Errorf("phase: %s sample: want %s", s.Form, e.cfg.Form)
	}
	if err := s.Validate(e.cfg.Dims); err != nil {
		return err
	}
	if s.Form != Real || e.x == nil && e.h == nil {
		return nil
	}
	if s.Y != nil {
		return errors.New("phase: complex reference behind a filter: want YR")
	}
	if e.h != nil {
		return e.admitFIR(s)
	}
	if e.x.heard && s.T < e.x.xAt || s.YR != nil && e.y.heard && s.T < e.y.xAt {
		return fmt.Errorf("phase: lock-in at %d ns, newest %d ns: %w", s.T, e.x.xAt, ErrLate)
	}
	return nil
}

func (e *Estimator) admitFIR(s *Sample) error {
	for _, f := range [...]*fir{e.h, e.k} {
		if t, heard := f.newest(); heard && s.T < t && (f == e.h || s.YR != nil) {
			return fmt.Errorf("phase: hilbert filter at %d ns, newest %d ns: %w", s.T, t, ErrLate)
		}
	}
	return nil
}

// take reads a sample that needs no filter.
func (e *Estimator) take(s *Sample) {
	for d := range e.u {
		e.u[d] = e.limit(value(s.Form, s.X, s.R, d))
	}
	switch {
	case s.Y != nil:
		for d := range e.v {
			e.v[d] = e.limit(value(Phasor, s.Y, nil, d))
		}
	case s.YR != nil:
		for d := range e.v {
			e.v[d] = e.limit(value(s.Form, nil, s.YR, d))
		}
	}
}

func value(f Form, x []complex128, r []float64, d int) complex128 {
	switch f {
	case Phasor:
		return complex(clean(real(x[d])), clean(imag(x[d])))
	case Real:
		return complex(clean(r[d]), 0)
	case Angle:
		sin, cos := exact.Sincos(exact.Turns(r[d]))
		return complex(cos, sin)
	}
	return 1
}

func (e *Estimator) limit(z complex128) complex128 {
	if e.cfg.Reading == ByEnergy {
		return z
	}
	return exact.Unit(z)
}

// lock feeds the lock-in and reports whether it has an estimate.
func (e *Estimator) lock(s *Sample) bool {
	okY := s.YR == nil || e.y.step(s.T, s.YR)
	if !e.x.step(s.T, s.R) || !okY {
		return false
	}
	for d := range e.u {
		e.u[d] = e.limit(e.x.z[d])
		if s.YR != nil {
			e.v[d] = e.limit(e.y.z[d])
		}
	}
	return true
}

// filter feeds the Hilbert filters and reports whether they have an estimate.
func (e *Estimator) filter(s *Sample) bool {
	okY := s.YR == nil || e.k.step(s.T, s.YR)
	if !e.h.step(s.T, s.R) || !okY {
		return false
	}
	for d := range e.u {
		e.u[d] = e.limit(e.h.z[d])
		if s.YR != nil {
			e.v[d] = e.limit(e.k.z[d])
		}
	}
	return true
}

// still reports whether the newest point has no weight: no phase at all, or with a floor no motion of the
// raw signal since the newest sample. Behind a lock-in the raw phasor is the estimate modulated back, so
// that a steady line moves, and an input that stands still for half a period does not. An event is motion.
func (e *Estimator) still(s *Sample, locked bool) bool {
	if e.cfg.Reading == ByPhase && zero(e.u) {
		return true
	}
	if e.cfg.MotionFloor == 0 || s.Form == Event {
		return false
	}
	rot := complex(1, 0)
	if locked {
		rot = e.cfg.LockIn.NCO.Rotor(s.T)
	}
	sum := 0.0
	for d := range e.u {
		e.raw[d] = exact.Mul(exact.Unit(e.u[d]), rot)
		dz := e.raw[d] - e.prev[d]
		sum += float64(real(dz)*real(dz)) + float64(imag(dz)*imag(dz))
	}
	first := !e.moved
	if first || s.T >= e.last {
		copy(e.prev, e.raw)
		e.last, e.moved = s.T, true
	}
	chord := math.Sqrt(sum / float64(len(e.u)))
	return first || chord < e.cfg.MotionFloor || locked && e.x.stuck(s.T)
}

func zero(u []complex128) bool {
	for _, z := range u {
		if z != 0 {
			return false
		}
	}
	return true
}

const (
	stateTag     = 'E'
	stateVersion = 1
)

// AppendBinary appends the estimator's state: what it has heard, not its Config.
func (e *Estimator) AppendBinary(dst []byte) ([]byte, error) {
	dst = state.Head(dst, stateTag, stateVersion)
	dst = state.Uint(dst, uint64(len(e.u)))
	dst = state.Int(state.Bool(dst, e.moved), e.last)
	dst = state.Complexes(dst, e.prev...)
	dst = state.Bool(dst, e.x != nil)
	if e.x != nil {
		dst = e.y.append(e.x.append(dst))
	}
	if e.h != nil {
		dst = e.k.append(e.h.append(dst))
	}
	return dst, nil
}

// UnmarshalBinary restores a state of an estimator of the same Config, which then goes on bit-identically.
// An error leaves the estimator unusable.
func (e *Estimator) UnmarshalBinary(b []byte) error {
	r := state.Open(b, stateTag, stateVersion)
	if d := r.Uint(); r.Err() == nil && d != uint64(len(e.u)) {
		r.Fail(fmt.Errorf("dims %d: want %d", d, len(e.u)))
	}
	e.moved, e.last = r.Bool(), r.Int()
	r.Complexes(e.prev)
	if locked := r.Bool(); r.Err() == nil && locked != (e.x != nil) {
		r.Fail(fmt.Errorf("lock-in %t: want %t", locked, e.x != nil))
	}
	if e.x != nil {
		e.x.read(r)
		e.y.read(r)
	}
	if e.h != nil {
		e.h.read(r)
		e.k.read(r)
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("phase: restore estimator: %w", err)
	}
	return nil
}
