package kairos

import (
	"time"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// Levels returns the number of levels.
func (l *Ladder) Levels() int { return l.cfg.Levels }

// Tau returns the time constant of level j.
func (l *Ladder) Tau(j int) time.Duration {
	tau := l.cfg.Slot * time.Duration(l.cfg.Blocks)
	for range j {
		tau *= time.Duration(l.cfg.Base)
	}
	return tau
}

// Newest returns the time of the newest term; ok is false before the first.
func (l *Ladder) Newest() (t int64, ok bool) { return l.t, l.heard }

// Settled returns the slowest level whose time constant lies between the oldest term and the newest, 0
// before any. By then a steady stream has given a level 1-1/e of the mass that it will ever have; slower
// levels still say what a plain mean over the whole stream says.
func (l *Ladder) Settled() int { return l.settledAt(l.t) }

// settledAt is Settled after silence until at.
func (l *Ladder) settledAt(at int64) int {
	j := 0
	for j+1 < l.cfg.Levels && age(max(l.t, at), l.first) >= uint64(l.Tau(j+1)) {
		j++
	}
	return j
}

// Read returns level j at the newest term. O(j).
func (l *Ladder) Read(j int) Resonance { return l.ReadAt(j, l.t) }

// ReadAt returns what Read(j) would be after silence until at, and changes nothing. An instant before the
// newest term counts as that.
func (l *Ladder) ReadAt(j int, at int64) Resonance {
	s := l.rungs[j].past
	for i := 1; i <= j; i++ {
		s.plus(&l.rungs[i].part)
	}
	return l.resonance(j, &s, at)
}

// Spectrum appends each level's ReadAt, fastest first: the coherence over scale. It allocates nothing where
// dst has room for Levels more. O(Levels).
func (l *Ladder) Spectrum(dst []Resonance, at int64) []Resonance {
	var open sums
	for j := range l.cfg.Levels {
		open.plus(&l.rungs[j].part)
		s := l.rungs[j].past
		s.plus(&open)
		dst = append(dst, l.resonance(j, &s, at))
	}
	return dst
}

func (l *Ladder) resonance(j int, s *sums, at int64) Resonance {
	k, at := l.until(j, at)
	if k != 1 {
		s.decay(k)
	}
	return s.read(l.cfg.Reading, l.cfg.N0, l.n, at)
}

// until returns what silence until at leaves of level j, and the later of at and the newest term.
func (l *Ladder) until(j int, at int64) (keep float64, _ int64) {
	if !l.heard || at <= l.t {
		return 1, l.t
	}
	b := floorDiv(at, int64(l.slot))
	for range j {
		b = floorDiv(b, int64(l.cfg.Base))
	}
	return l.power(b - l.rungs[j].block), at
}

// Cross returns Σ w_j·w_partner after silence until at, where w_partner = Weight·exp(-(at-t)/Partner): what
// Kish's formula needs for the variance of a mean of the two windows. 0 without a Partner.
func (l *Ladder) Cross(j int, at int64) float64 {
	if l.cfg.Partner == 0 || !l.heard {
		return 0
	}
	x := l.rungs[j].pastX
	for i := 1; i <= j; i++ {
		x += l.rungs[i].partX
	}
	keep, at := l.until(j, at)
	return float64(float64(x*keep) / l.grow.scale * exact.ExpNeg(float64(age(at, l.t))/l.grow.tau))
}
