package kairos

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// TrackerConfig is the gains of a Tracker. Critically damped is Ki = Kp²/4: the error then falls by
// 1-Kp/2 a round.
type TrackerConfig struct {
	Kp, Ki float64       // 0 < Ki < Kp < 2+Ki/2
	Round  time.Duration // > 0: how long it listens before each correction
}

// DefaultTracker corrects each round by half the error, critically damped.
func DefaultTracker(round time.Duration) TrackerConfig {
	return TrackerConfig{Kp: 0.5, Ki: 0.0625, Round: round}
}

// Validate names the field that is out of range: outside of it the loop does not settle.
func (c TrackerConfig) Validate() error {
	switch {
	case !(c.Ki > 0 && c.Ki < c.Kp):
		return fmt.Errorf("kairos: tracker ki %v at kp %v: not in (0, kp)", c.Ki, c.Kp)
	case !(c.Kp < 2+float64(c.Ki/2)):
		return fmt.Errorf("kairos: tracker kp %v at ki %v: not below 2+ki/2", c.Kp, c.Ki)
	case c.Round <= 0:
		return fmt.Errorf("kairos: tracker round %v: not above 0", c.Round)
	}
	return nil
}

var errTaken = errors.New("kairos: tracker: a term that is taken back was corrected by what was known then")

// Tracker follows the frequency and phase of a signal that is not quite at omega, a type-2 loop,
//
//	θ <- θ + ω + Kp·e,  ω <- ω + Ki·e,
//
// once a round, where e is the phase error: so a constant detuning leaves no error, and a window of any
// length stays coherent behind it (KERNEL.md 1.6, 4.3). θ and ω are integers, turns·2^64 and turns·2^64 a
// nanosecond: what a term is corrected by depends on nothing but the rounds before it. Not safe for
// concurrent use.
type Tracker struct {
	cfg   TrackerConfig
	round uint64
	start int64  // of the round
	theta uint64 // at start
	omega uint64 // two's complement
	heard bool
	sum   complex128 // Σ w·p of the round, corrected
	mass  float64    // Σ w
	err   float64    // the last round's e
}

// NewTracker validates cfg and returns a tracker that corrects nothing yet.
func NewTracker(cfg TrackerConfig) (*Tracker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Tracker{cfg: cfg, round: uint64(cfg.Round)}, nil
}

// Add returns t turned back by what the tracker expects of its time, for the windows, and listens to it.
// A round that ends corrects by the argument of its own mean, times the mean's modulus, so that a round of
// chance moves little; a round without terms goes on as before. A late term is corrected by the present
// round's line. A term of sign -1 is an error: track streams without a lag.
func (k *Tracker) Add(t Term) (Term, error) {
	if _, err := t.check(); err != nil {
		return Term{}, err
	}
	if t.Sign < 0 {
		return Term{}, errTaken
	}
	if !k.heard {
		k.heard, k.start = true, t.T
	}
	if t.T > k.start && age(t.T, k.start) >= k.round {
		k.turnOver(t.T)
	}
	sin, cos := exact.Sincos(-k.phaseAt(t.T))
	t.P = exact.Mul(t.P, complex(cos, sin))
	k.sum += exact.Scale(t.Weight, t.P)
	k.mass += t.Weight
	return t, nil
}

func (k *Tracker) phaseAt(t int64) uint64 { return k.theta + (uint64(t)-uint64(k.start))*k.omega }

// turnOver ends the round, and those without terms up to t.
func (k *Tracker) turnOver(t int64) {
	if k.mass > emptyMass {
		mean := exact.Scale(1/k.mass, k.sum)
		e := float64(exact.Atan2(imag(mean), real(mean)) * min(1, exact.Abs(mean)))
		// The mean tells the phase in the middle of the round, where half of a change of ω has already
		// come on top of that of θ: less of Kp here makes it Kp there.
		k.correct(e, k.cfg.Kp-float64(k.cfg.Ki/2))
	} else {
		k.theta += k.round * k.omega
	}
	k.start += int64(k.round)
	k.sum, k.mass = 0, 0
	if rest := age(t, k.start) / k.round; rest > 0 {
		k.theta += rest * k.round * k.omega
		k.start += int64(rest * k.round)
	}
}

// correct takes one step of the loop.
func (k *Tracker) correct(e, kp float64) {
	k.err = e
	k.theta += k.round*k.omega + exact.Turns(float64(kp*e))
	k.omega += uint64(int64(float64(k.cfg.Ki*e) / float64(k.round) * (0x1p63 / math.Pi)))
}

// Step is a round of the loop whose phase error e, in rad, somebody else has measured, like arg(T_P·conj(T))
// of a peer, at the beginning of the round. Not to be mixed with Add.
func (k *Tracker) Step(e float64) {
	k.correct(e, k.cfg.Kp)
	k.start += int64(k.round)
}

// Phase returns the phase that a term at t is turned back by, in turns·2^64.
func (k *Tracker) Phase(t int64) uint64 { return k.phaseAt(t) }

// Hz returns the detuning that the tracker has found; a phase.NCO that listens so much lower needs no
// tracker.
func (k *Tracker) Hz() float64 { return float64(float64(int64(k.omega))*0x1p-64) * 1e9 }

// Retune returns nco moved by the detuning found: the oscillator at which the signal stands still.
func (k *Tracker) Retune(nco phase.NCO) phase.NCO {
	nco.F -= k.omega
	return nco
}

// Residual returns the phase error of the last round, rad.
func (k *Tracker) Residual() float64 { return k.err }

// Reset forgets everything.
func (k *Tracker) Reset() { *k = Tracker{cfg: k.cfg, round: k.round} }

const (
	trackerTag     = 'T'
	trackerVersion = 1
)

// AppendBinary appends the state.
func (k *Tracker) AppendBinary(dst []byte) ([]byte, error) {
	dst = state.Bool(state.Int(state.Head(dst, trackerTag, trackerVersion), k.start), k.heard)
	dst = state.Complex(state.Uint(state.Uint(dst, k.theta), k.omega), k.sum)
	return state.Floats(dst, k.mass, k.err), nil
}

// UnmarshalBinary restores a state of a tracker of the same config, which then goes on bit-identically.
func (k *Tracker) UnmarshalBinary(b []byte) error {
	r := state.Open(b, trackerTag, trackerVersion)
	v := Tracker{cfg: k.cfg, round: k.round, start: r.Int(), heard: r.Bool()}
	v.theta, v.omega, v.sum = r.Uint(), r.Uint(), r.Complex()
	r.Floats(&v.mass, &v.err)
	if err := r.Close(); err != nil {
		return fmt.Errorf("kairos: restore tracker: %w", err)
	}
	*k = v
	return nil
}
