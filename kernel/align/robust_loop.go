package align

import (
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// LoopConfig holds the gains of a Loop, per round.
type LoopConfig struct {
	Kp float64 // of the phase
	Ki float64 // of the frequency
}

// CriticalLoop returns the gains that settle fastest without overshoot at kp in (0, 4): Ki = Kp²/4, an
// error that shrinks by 1-Kp/2 a round.
func CriticalLoop(kp float64) LoopConfig { return LoopConfig{Kp: kp, Ki: float64(kp*kp) / 4} }

// Validate reports gains with which the loop does not settle: it does for 0 < Ki < Kp < 2+Ki/2.
func (c LoopConfig) Validate() error {
	if !(c.Ki > 0 && c.Ki < c.Kp) {
		return fmt.Errorf("align: loop ki %v: not in (0, kp %v)", c.Ki, c.Kp)
	}
	if limit := 2 + float64(c.Ki/2); !(c.Kp < limit) {
		return fmt.Errorf("align: loop kp %v: not below 2+ki/2 = %v", c.Kp, limit)
	}
	return nil
}

// Radius returns by which factor a round shrinks an error in the end: the largest |eigenvalue| of
//
//	(e, d) -> ((1-Kp)·e + d, d - Ki·e),   e the phase's error, d the frequency's.
//
// It is below 1 exactly where Validate is content.
func (c LoopConfig) Radius() float64 {
	trace, det := 2-c.Kp, 1-c.Kp+c.Ki
	disc := float64(c.Kp*c.Kp) - float64(4*c.Ki)
	if disc < 0 {
		return math.Sqrt(det)
	}
	return (math.Abs(trace) + math.Sqrt(disc)) / 2
}

// Loop follows a peer's phase and frequency (type 2): unlike a plain pull towards it, a constant
// difference of frequency leaves no error. Not safe for concurrent use. Source: KERNEL.md 4.3 L3.
type Loop struct {
	cfg   LoopConfig
	theta float64 // rad, in (-π, π]
	omega float64 // rad a round
}

// NewLoop returns a loop at phase and frequency 0.
func NewLoop(cfg LoopConfig) (*Loop, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Loop{cfg: cfg}, nil
}

// Step hears the phase theta of one round, in rad, and returns the error e that it had:
//
//	e = theta - Theta,  Theta += Omega + Kp·e,  Omega += Ki·e.
//
// A theta that is not finite counts as a round without news. It allocates nothing.
func (l *Loop) Step(theta float64) float64 {
	e := wrap(theta - l.theta)
	if e != e {
		e = 0
	}
	l.theta = wrap(l.theta + l.omega + float64(l.cfg.Kp*e))
	// A frequency is known modulo one turn a round, and only so can no input drive it away.
	l.omega = wrap(l.omega + float64(l.cfg.Ki*e))
	return e
}

// StepPair is Step for the phase of peer against self, arg(T_P·conj(T_self)). Where either is 0 it is a
// round without news: the loop goes on at its frequency.
func (l *Loop) StepPair(peer, self complex128) float64 {
	turn := exact.MulConj(exact.Unit(peer), exact.Unit(self))
	if turn == 0 {
		return l.Step(math.NaN())
	}
	return l.Step(exact.Atan2(imag(turn), real(turn)))
}

// Theta returns the phase that the next round is expected to have, in rad in (-π, π].
func (l *Loop) Theta() float64 { return l.theta }

// Omega returns the frequency in rad a round, in (-π, π].
func (l *Loop) Omega() float64 { return l.omega }
