package kairos

import (
	"errors"
	"fmt"

	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// growth carries the decay of Ladder's cross sums as one common factor: a term enters multiplied by
// exp((t-origin)/tau), so what lies in the levels need not be touched as time goes on.
type growth struct {
	tau   float64 // ns
	scale float64 // exp((newest-origin)/tau), 1…maxGrowth
	dt    uint64  // the last step, and
	times float64 // exp(dt/tau)
}

// maxGrowth is where the origin moves: far from overflow, and past where an older term counts.
const maxGrowth = 0x1p200

// step moves the newest time by dt.
func (g *growth) step(rungs []rung, dt uint64) {
	if dt == 0 {
		return
	}
	if dt != g.dt {
		g.dt, g.times = dt, exact.Exp(min(float64(dt)/g.tau, 700))
	}
	if s := float64(g.scale * g.times); s < maxGrowth {
		g.scale = s
		return
	}
	k := exact.ExpNeg(float64(dt)/g.tau) / g.scale
	for j := range rungs {
		rungs[j].pastX = float64(rungs[j].pastX * k)
		rungs[j].partX = float64(rungs[j].partX * k)
	}
	g.scale = 1
}

// at returns the factor of a term that is old by dt.
func (g *growth) at(dt uint64) float64 {
	if dt == 0 {
		return g.scale
	}
	return float64(g.scale * exact.ExpNeg(float64(dt)/g.tau))
}

var errLadder = errors.New("kairos: ladder: merge of different configs")

// Merge adds what o has heard, which stays as it is. The two must have one config; their blocks are the
// same, so the ladder then reads what it would had it heard the terms of both.
func (l *Ladder) Merge(o *Ladder) error {
	if l.cfg != o.cfg {
		return errLadder
	}
	if !o.heard {
		return nil
	}
	if !l.heard {
		l.begin(o.t)
	}
	if o.t > l.t {
		if in := uint64(o.t) - l.start; in < l.slot {
			l.age(o.t)
		} else {
			l.rungs[0].past.decay(l.advance(o.t, in))
		}
	}
	l.first = min(l.first, o.first)
	l.n += o.n
	x := 0.0
	if l.cfg.Partner > 0 {
		x = l.grow.at(age(l.t, o.t)) / o.grow.scale
	}
	var open sums // o's open block of the level below, while it is closed here
	openX := 0.0
	for j := range l.rungs {
		r, p := &l.rungs[j], &o.rungs[j]
		open.plus(&p.part)
		openX += p.partX
		if steps := r.block - p.block; steps > 0 {
			k := l.power(steps)
			r.past.weigh(&p.past, k)
			r.past.weigh(&open, k)
			r.pastX += float64(float64((p.pastX+openX)*x) * k)
			continue
		}
		r.past.plus(&p.past)
		r.part.plus(&open)
		r.pastX += float64(p.pastX * x)
		r.partX += float64(openX * x)
		open, openX = sums{}, 0
	}
	return nil
}

const (
	ladderTag     = 'L'
	ladderVersion = 1
)

// AppendBinary appends the state of every level.
func (l *Ladder) AppendBinary(dst []byte) ([]byte, error) {
	dst = state.Head(dst, ladderTag, ladderVersion)
	dst = state.Uint(dst, uint64(l.cfg.Levels))
	return l.append(dst), nil
}

func (l *Ladder) append(dst []byte) []byte {
	dst = state.Int(state.Int(state.Bool(dst, l.heard), l.t), l.first)
	dst = state.Float(state.Uint(dst, l.n), l.grow.scale)
	for j := range l.rungs {
		r := &l.rungs[j]
		dst = r.part.append(r.past.append(dst))
		dst = state.Floats(dst, r.pastX, r.partX)
	}
	return dst
}

// UnmarshalBinary restores a state of a ladder of the same config, which then goes on bit-identically.
// After an error the ladder holds no meaning until Reset.
func (l *Ladder) UnmarshalBinary(data []byte) error {
	r := state.Open(data, ladderTag, ladderVersion)
	if n := r.Len(MaxLevels); r.Err() == nil && n != l.cfg.Levels {
		r.Fail(fmt.Errorf("%d levels: want %d", n, l.cfg.Levels))
	}
	l.read(r)
	if err := r.Close(); err != nil {
		return fmt.Errorf("kairos: restore ladder: %w", err)
	}
	return nil
}

func (l *Ladder) read(r *state.Reader) {
	l.Reset()
	heard, t, first := r.Bool(), r.Int(), r.Int()
	n, scale := r.Uint(), r.Float()
	if r.Err() == nil && (!(scale >= 1 && scale <= maxGrowth) || first > t) {
		r.Fail(fmt.Errorf("ladder scale %v from %d to %d: want 1…2^200, in the order of time", scale, first, t))
	}
	if heard {
		l.begin(t) // the blocks follow from the newest time
	}
	l.first, l.n, l.grow.scale = first, n, scale
	for j := range l.rungs {
		g := &l.rungs[j]
		g.past.readFrom(r)
		g.part.readFrom(r)
		r.Floats(&g.pastX, &g.partX)
	}
}
