package kairos

import (
	"fmt"
	"time"

	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// clock is the time of a leaky sum: its newest term and how much is left after the last step.
type clock struct {
	tau   float64 // ns
	t     int64   // newest
	heard bool
	dt    uint64  // the last step, and
	keep  float64 // exp(-dt/tau)
}

// age returns a-b for a >= b without overflow.
func age(a, b int64) uint64 { return uint64(a) - uint64(b) }

// step moves the clock to t and returns what the step leaves of the past. For a late t the past stays and
// the new term is worth less: d.
func (c *clock) step(t int64) (keep, d float64) {
	if dt := uint64(t) - uint64(c.t); t > c.t && dt == c.dt { // dt is not 0, so it has heard
		c.t = t
		return c.keep, 1
	}
	return c.stride(t)
}

// stride is step where the last step does not repeat.
func (c *clock) stride(t int64) (keep, d float64) {
	if !c.heard {
		c.heard, c.t = true, t
		return 0, 1
	}
	if t < c.t {
		return 1, exact.ExpNeg(float64(age(c.t, t)) / c.tau)
	}
	dt := age(t, c.t)
	c.t = t
	if dt == 0 {
		return 1, 1
	}
	c.dt, c.keep = dt, exact.ExpNeg(float64(dt)/c.tau)
	return c.keep, 1
}

// until returns what silence until at leaves, and the later of at and the newest term.
func (c *clock) until(at int64) (keep float64, _ int64) {
	if !c.heard || at <= c.t {
		return 1, c.t
	}
	return exact.ExpNeg(float64(age(at, c.t)) / c.tau), at
}

// late reports whether t lies more than the horizon before the newest term.
func (c *clock) late(t int64, horizon time.Duration) bool {
	return c.heard && t < c.t && age(c.t, t) > uint64(horizon)
}

func (c *clock) append(dst []byte) []byte { return state.Bool(state.Int(dst, c.t), c.heard) }

func (c *clock) read(r *state.Reader) {
	c.t, c.heard = r.Int(), r.Bool()
	c.dt, c.keep = 0, 0
}

// leaky is the window of weights exp(-(t_newest - t)/tau).
type leaky struct {
	clock
	sums
	n uint64
}

// add takes a term whose |P| is a.
func (l *leaky) add(t *Term, a float64) {
	keep, d := l.clock.step(t.T)
	if !(t.Weight > 0) {
		if keep != 1 {
			l.sums.decay(keep)
		}
		return
	}
	l.n += uint64(int64(t.Sign))
	if keep == 1 {
		l.sums.add(t, d, a)
		return
	}
	l.sums.fold(keep, t, d, a)
}

func (l *leaky) readAt(at int64) (sums, uint64, int64) {
	s := l.sums
	keep, at := l.until(at)
	if keep != 1 {
		s.decay(keep)
	}
	return s, l.n, at
}

func (l *leaky) append(dst []byte) []byte {
	return l.sums.append(state.Uint(l.clock.append(dst), l.n))
}

func (l *leaky) read(r *state.Reader) {
	l.clock.read(r)
	l.n = r.Uint()
	l.sums.readFrom(r)
}

// Cross is Σ w_a·w_b over the terms of two leaky windows that hear the same terms: what Kish's formula
// needs for the variance of their mean. O(1). Not safe for concurrent use.
type Cross struct {
	clock
	sum     float64
	horizon time.Duration
}

// NewCross returns the empty sum of windows with time constants a and b > 0 that take late terms up to
// horizon >= 0.
func NewCross(a, b, horizon time.Duration) (*Cross, error) {
	if a <= 0 || b <= 0 {
		return nil, fmt.Errorf("kairos: cross of tau %v and %v: not above 0", a, b)
	}
	if horizon < 0 {
		return nil, fmt.Errorf("kairos: horizon %v: below 0", horizon)
	}
	c := newCross(float64(a), float64(b), horizon)
	return &c, nil
}

func newCross(a, b float64, horizon time.Duration) Cross {
	return Cross{clock: clock{tau: 1 / (1/a + 1/b)}, horizon: horizon} // rates add
}

// Add adds one term, of which it needs the time, the weight and the sign.
func (c *Cross) Add(t Term) error {
	if _, err := t.check(); err != nil {
		return err
	}
	if c.late(t.T, c.horizon) {
		return fmt.Errorf("kairos: cross: %w", ErrLate)
	}
	c.add(&t)
	return nil
}

func (c *Cross) add(t *Term) {
	keep, d := c.clock.step(t.T)
	c.sum = float64(c.sum * keep)
	w2 := float64(t.Weight * t.Weight)
	if t.Sign < 0 {
		w2 = -w2
	}
	c.sum += float64(d * w2)
	if c.sum < emptyMass*emptyMass {
		c.sum = 0
	}
}

// ReadAt returns the sum after silence until at, and changes nothing.
func (c *Cross) ReadAt(at int64) float64 {
	keep, _ := c.until(at)
	return float64(c.sum * keep)
}

// Reset forgets everything.
func (c *Cross) Reset() { *c = Cross{clock: clock{tau: c.tau}, horizon: c.horizon} }

const (
	crossTag     = 'X'
	crossVersion = 1
)

// AppendBinary appends the state.
func (c *Cross) AppendBinary(dst []byte) ([]byte, error) {
	return c.append(state.Head(dst, crossTag, crossVersion)), nil
}

func (c *Cross) append(dst []byte) []byte { return state.Float(c.clock.append(dst), c.sum) }

func (c *Cross) read(r *state.Reader) {
	c.clock.read(r)
	c.sum = r.Float()
}

// UnmarshalBinary restores a state of a Cross of the same time constants.
func (c *Cross) UnmarshalBinary(b []byte) error {
	r := state.Open(b, crossTag, crossVersion)
	c.read(r)
	if err := r.Close(); err != nil {
		return fmt.Errorf("kairos: restore cross: %w", err)
	}
	return nil
}
