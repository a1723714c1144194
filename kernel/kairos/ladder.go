package kairos

import (
	"fmt"
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// The shape of a ladder unless its config says otherwise: eleven levels, each four times slower than the
// one below and forgetting in steps of a fiftieth of its time constant (KERNEL.md 1.8).
const (
	DefaultBlocks = 50
	DefaultBase   = 4
	DefaultLevels = 11
)

// LadderConfig says which windows a Ladder has: level j decays with tau_j = Blocks·Base^j·Slot.
type LadderConfig struct {
	Reading phase.Reading
	Slot    time.Duration // > 0: the width of a block of level 0
	Blocks  int           // r, 1…1e6: the time constant of a level in its own blocks; 0 means 50
	Base    int           // b, 2…1024: how many blocks make one of the next level; 0 means 4
	Levels  int           // 1…64; 0 means 11
	N0      float64       // pseudo-mass that does not decay, >= 0
	Horizon time.Duration // how late a term may come
	Partner time.Duration // time constant of a leaky window over the same terms, for Cross; 0 is none
}

// DefaultLadder is the ladder whose fastest level decays with tau >= 50 ns, of as many of the eleven levels
// as stay below 292 years.
func DefaultLadder(tau time.Duration) LadderConfig {
	c := LadderConfig{Slot: tau / DefaultBlocks, Blocks: DefaultBlocks, Base: DefaultBase, Levels: DefaultLevels}
	for c.Levels > 1 && c.Slot > 0 && c.tooSlow() {
		c.Levels--
	}
	return c
}

func (c LadderConfig) withDefaults() LadderConfig {
	if c.Blocks == 0 {
		c.Blocks = DefaultBlocks
	}
	if c.Base == 0 {
		c.Base = DefaultBase
	}
	if c.Levels == 0 {
		c.Levels = DefaultLevels
	}
	return c
}

// tooSlow reports whether the slowest time constant overflows a Duration.
func (c LadderConfig) tooSlow() bool {
	room := math.MaxInt64 / int64(c.Slot) / int64(c.Blocks)
	for range c.Levels - 1 {
		room /= int64(c.Base)
	}
	return room == 0
}

// Validate names the field that is out of range.
func (c LadderConfig) Validate() error {
	c = c.withDefaults()
	switch {
	case c.Reading > phase.ByEnergy:
		return fmt.Errorf("kairos: ladder reading %d: not in 0…1", uint8(c.Reading))
	case c.Slot <= 0:
		return fmt.Errorf("kairos: ladder slot %v: not above 0", c.Slot)
	case c.Blocks < 1 || c.Blocks > 1e6:
		return fmt.Errorf("kairos: ladder blocks %d: not in 1…1000000", c.Blocks)
	case c.Base < 2 || c.Base > 1024:
		return fmt.Errorf("kairos: ladder base %d: not in 2…1024", c.Base)
	case c.Levels < 1 || c.Levels > MaxLevels:
		return fmt.Errorf("kairos: ladder levels %d: not in 1…%d", c.Levels, MaxLevels)
	case c.tooSlow():
		return fmt.Errorf("kairos: ladder of %d levels by %d from slot %v: slowest tau is beyond 292 years", c.Levels, c.Base, c.Slot)
	case c.Horizon < 0:
		return fmt.Errorf("kairos: ladder horizon %v: below 0", c.Horizon)
	case c.Partner < 0:
		return fmt.Errorf("kairos: ladder partner %v: below 0", c.Partner)
	}
	return checkN0(c.N0)
}

// rung is one level. The open block of level j is what parts 1…j hold together.
type rung struct {
	past  sums  // the closed blocks, weighted as from the open one; of level 0 everything
	part  sums  // what lies in the level's open block and not in that of the level below
	block int64 // index of the open block: floor(newest/(Slot·Base^j))
	left  int64 // blocks of the level below that are still to come in the open block
	pastX float64
	partX float64 // the same two for Cross
}

// Ladder is a row of windows at time constants that grow by Base, at the cost of little more than one: the
// coherence over scale. Time is cut into slots, floor(t/Slot), and Base^j slots make a block of level j,
//
//	block_j(t) = floor(t/(Slot·Base^j)),
//
// the same blocks for every ladder of the config, wherever its stream begins. Level j weighs a term
//
//	w = Weight·exp(-(block_j(newest) - block_j(t))/Blocks),
//
// a staircase beside exp(-(newest - t)/tau_j) that it never leaves by more than a factor exp(1/Blocks); W,
// Q and the rest use the same w, so T is exactly normalised. By phase a ladder keeps S, W and Q alone: Ex, Ey,
// A1 and A2, which that reading does not ask for, read 0. Times may be irregular: a gap closes as many
// blocks as lie in it, a late term is weighed by its own block, and what is read does not depend on the
// order of arrival. With a term a slot it is the ladder of KERNEL.md 1.8, tau_j = Blocks·Base^j samples;
// to count samples instead of time give sample k the time k and Slot 1.
//
// A term costs its addition and Base/(Base-1) decays on average, however many levels there are, and
// allocates nothing. Not safe for concurrent use. Source: KERNEL.md 1.8.
type Ladder struct {
	cfg    LadderConfig
	slot   uint64
	lambda float64 // exp(-1/Blocks)
	lean   bool    // by phase: S, W and Q are all there is
	rungs  []rung

	start uint64 // where the open slot begins, modulo 2^64
	t     int64  // newest
	first int64  // oldest
	heard bool
	n     uint64
	grow  growth
}

// NewLadder validates cfg and returns a ladder that has heard nothing.
func NewLadder(cfg LadderConfig) (*Ladder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	l := &Ladder{
		cfg: cfg, slot: uint64(cfg.Slot), lambda: exact.ExpNeg(1 / float64(cfg.Blocks)),
		lean:  cfg.Reading == phase.ByPhase,
		rungs: make([]rung, max(cfg.Levels, 2)), // level 1 is kept where nobody reads it
	}
	l.Reset()
	return l, nil
}

// Add adds one term to every level. ErrLate where it is older than the horizon.
func (l *Ladder) Add(t Term) error { return l.Put(&t) }

// Put is Add of a term that need not be copied. It keeps nothing of t.
func (l *Ladder) Put(t *Term) error {
	a, err := t.check()
	if err != nil {
		return err
	}
	if l.late(t.T) {
		return fmt.Errorf("kairos: ladder: %w", ErrLate)
	}
	l.add(t, a)
	return nil
}

// late reports whether t lies more than the horizon before the newest term.
func (l *Ladder) late(t int64) bool {
	return l.heard && t < l.t && age(l.t, t) > uint64(l.cfg.Horizon)
}

// add takes a term whose |P| is a.
func (l *Ladder) add(t *Term, a float64) {
	keep := 1.0
	if in := uint64(t.T) - l.start; t.T < l.t || in < l.slot || !l.heard {
		l.stay(t)
	} else {
		keep = l.advance(t.T, in)
	}
	if !(t.Weight > 0) {
		if keep != 1 {
			l.rungs[0].past.decay(keep)
		}
		return
	}
	l.n += uint64(int64(t.Sign))
	if uint64(t.T)-l.start >= l.slot {
		l.insert(t, a)
		return
	}
	low, up := &l.rungs[0], &l.rungs[1]
	low.past.foldInto(&up.part, keep, t, a, l.lean)
	if l.grow.tau > 0 {
		x := l.cross(t)
		low.pastX += x
		up.partX += x
	}
}

// stay takes the time of the first term, of a late one, or of one in the open slot.
func (l *Ladder) stay(t *Term) {
	switch {
	case !l.heard:
		l.begin(t.T)
	case t.T < l.t:
		l.first = min(l.first, t.T)
	default:
		l.age(t.T)
	}
}

// age makes t the newest time.
func (l *Ladder) age(t int64) {
	if l.grow.tau > 0 {
		l.grow.step(l.rungs, age(t, l.t))
	}
	l.t = t
}

// cross returns what t adds to the cross sums of its own block.
func (l *Ladder) cross(t *Term) float64 {
	x := float64(t.Weight * t.Weight)
	if t.Sign < 0 {
		x = -x
	}
	return float64(x * l.grow.at(age(l.t, t.T)))
}

// begin opens the blocks that t lies in.
func (l *Ladder) begin(t int64) {
	l.heard, l.t, l.first = true, t, t
	b := floorDiv(t, int64(l.slot))
	l.start = uint64(b) * l.slot
	l.rungs[0].block = b
	for j := 1; j < len(l.rungs); j++ {
		b = l.rungs[j].open(b, int64(l.cfg.Base))
	}
}

// open makes the block the open one in which block b of the level below lies, and returns its index.
func (r *rung) open(b, base int64) int64 {
	r.block = floorDiv(b, base)
	r.left = base - 1 - (b - r.block*base)
	return r.block
}

// advance makes the slot of t, which begins in after the open one, the open one, and returns what that
// leaves of level 0, which is for the caller to apply.
func (l *Ladder) advance(t int64, in uint64) (keep float64) {
	l.age(t)
	r, up := &l.rungs[0], &l.rungs[1]
	if in >= 2*l.slot {
		b := floorDiv(t, int64(l.slot))
		keep = l.power(b - r.block)
		l.start = uint64(b) * l.slot
		r.block = b
		r.pastX = float64(r.pastX * keep)
		l.jump(b)
		return keep
	}
	l.start += l.slot // the next slot
	r.block++
	r.pastX = float64(r.pastX * l.lambda)
	if up.left > 0 {
		up.left--
	} else {
		l.climb()
	}
	return l.lambda
}

// climb closes the open block of level 1, which the next follows, and of each level above it those that
// end with it.
func (l *Ladder) climb() {
	for j := 1; ; j++ {
		r := &l.rungs[j]
		r.block++
		r.left = int64(l.cfg.Base) - 1
		if j+1 == len(l.rungs) {
			r.close(&rung{}, l.lambda, l.lean)
			return
		}
		up := &l.rungs[j+1]
		r.close(up, l.lambda, l.lean)
		if up.left > 0 {
			up.left--
			return
		}
	}
}

// jump closes the blocks of each level that slot b lies beyond.
func (l *Ladder) jump(b int64) {
	for j := 1; j < len(l.rungs); j++ {
		r := &l.rungs[j]
		old := r.block
		if b = r.open(b, int64(l.cfg.Base)); b == old {
			return
		}
		up := &rung{}
		if j+1 < len(l.rungs) {
			up = &l.rungs[j+1]
		}
		r.close(up, l.power(b-old), l.lean)
	}
}

// close puts the open block of the level, which its part holds alone once the levels below have closed
// theirs, into the past, of which k is left, and into the open block of the next level up.
func (r *rung) close(up *rung, k float64, lean bool) {
	r.past.absorb(&r.part, &up.part, k, lean)
	x := r.partX
	r.pastX = float64((r.pastX + x) * k)
	up.partX += x
	r.partX = 0
}

// power returns exp(-steps/Blocks) for steps >= 0.
func (l *Ladder) power(steps int64) float64 {
	if steps == 1 {
		return l.lambda
	}
	return exact.ExpNeg(float64(steps) / float64(l.cfg.Blocks))
}

// insert adds the term to its blocks, which lie before the open slot.
func (l *Ladder) insert(t *Term, a float64) {
	s, x := sumsOf(t, a), 0.0
	if l.lean {
		s.ex, s.ey, s.a1, s.a2 = 0, 0, 0, 0
	}
	if l.cfg.Partner > 0 {
		x = l.cross(t)
	}
	b := floorDiv(t.T, int64(l.slot))
	for j := range l.rungs {
		r := &l.rungs[j]
		steps := r.block - b
		if steps == 0 {
			r.part.plus(&s)
			r.partX += x
			return
		}
		k := l.power(steps)
		r.past.weigh(&s, k)
		r.pastX += float64(x * k)
		b = floorDiv(b, int64(l.cfg.Base))
	}
}

// Reset forgets everything.
func (l *Ladder) Reset() {
	clear(l.rungs)
	l.start, l.t, l.first, l.heard, l.n = 0, 0, 0, false, 0
	l.grow = growth{tau: float64(l.cfg.Partner), scale: 1}
}

// floorDiv returns floor(a/b) for b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
