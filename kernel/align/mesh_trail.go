package align

import (
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

const (
	trailLength = 32      // steps of a peer's phase that are kept
	trailMatch  = 8       // equal steps in a row that make an echo
	sameStep    = 1 << 40 // turns·2^64: 2^-24 turns, far above what a copy's rounding adds
	movedStep   = 1 << 44 // steps below 2^-20 turns say nothing about where they come from
)

// trail is the recent history of a peer's state: what it held, and how its phase moved.
type trail struct {
	marks [trailLength]uint64 // hashes of the content, 0 for none
	steps [trailLength]int64  // turns·2^64 by which the phase moved to it
	psi   uint64
	n     uint64 // marks so far; the newest is at (n-1)%trailLength
	run   uint64 // steps in a row, up to trailLength, that link neighbours of one sequence
}

// push adds a state; follows says that its predecessor in the sequence's epoch is the newest entry.
// Content that did not change is no step.
func (t *trail) push(s *Sums, follows bool) {
	mark := hash(s)
	if t.n > 0 && t.marks[(t.n-1)%trailLength] == mark {
		return
	}
	z := s.Resonance()
	psi := exact.Turns(exact.Atan2(imag(z), real(z)))
	at := t.n % trailLength
	t.marks[at], t.steps[at] = mark, int64(psi-t.psi)
	t.run = min(t.run+1, trailLength)
	if !follows || t.n == 0 {
		t.run = 0
	}
	t.psi = psi
	t.n++
}

// hash mixes the content into a word that is 0 only for an empty window.
func hash(s *Sums) uint64 {
	if s.W == 0 {
		return 0
	}
	h := uint64(0x9E3779B97F4A7C15)
	for _, v := range [...]int64{s.Re, s.Im, s.W, s.Q} {
		h = (h ^ uint64(v)) * 0xBF58476D1CE4E5B9
		h ^= h >> 29
	}
	return h | 1
}

// repeats reports whether t's newest entry, or the last eight steps to it, are in other.
func (t *trail) repeats(other *trail) bool {
	newest := t.marks[(t.n-1)%trailLength]
	for _, mark := range other.marks {
		if mark != 0 && mark == newest {
			return true
		}
	}
	if t.run < trailMatch {
		return false
	}
	for end := uint64(0); end+trailMatch <= other.run; end++ {
		if t.matches(other, end) {
			return true
		}
	}
	return false
}

// matches compares the last eight steps with those of other that end before its last `end` steps. All have
// to move: phases that stand still are alike without having been copied.
func (t *trail) matches(other *trail, end uint64) bool {
	for k := range uint64(trailMatch) {
		a := t.steps[(t.n-1-k)%trailLength]
		b := other.steps[(other.n-1-end-k)%trailLength]
		if abs(a-b) > sameStep || abs(a) < movedStep {
			return false
		}
	}
	return true
}

// unevenness returns the mean square of the phase's second difference over the last eight steps, in rad²,
// and whether there are as many.
func (t *trail) unevenness() (float64, bool) {
	if t.run < trailMatch {
		return 0, false
	}
	sum := 0.0
	for k := range uint64(trailMatch - 1) {
		d := t.steps[(t.n-1-k)%trailLength] - t.steps[(t.n-2-k)%trailLength]
		rad := float64(float64(d) * (math.Pi * 0x1p-63))
		sum += float64(rad * rad)
	}
	return sum / (trailMatch - 1), true
}

// source returns whose state p repeats, as the node heard it: the one that came first is the source.
//
// It finds a copy of the content at once, and one that was turned by a constant angle or thinned by a
// constant factor after eight reports. A copy that was altered more is as good as a coherent peer: only
// keyed dither tells it (KERNEL.md 2.6, 2.7).
func (m *Mesh) source(p *member) (PeerID, bool) {
	for _, o := range m.members {
		if o != p && o.trail.n > 0 && p.trail.repeats(&o.trail) {
			return o.ID, true
		}
	}
	return PeerID{}, false
}

// still reports a phase that moves too evenly to come from the world.
func (m *Mesh) still(p *member) bool {
	v, ok := p.trail.unevenness()
	return ok && m.cfg.LiveFloor > 0 && v < m.cfg.LiveFloor
}
