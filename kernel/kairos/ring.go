package kairos

import (
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// entry is one sample of the lag ring; its values lie in the ring's planes.
type entry struct {
	t      int64
	weight float64
	cross  bool // its reference is not itself, so a bracket that it closes is fair
	term   Term // what it has added
}

// ring holds samples in the order of time. It is a slice that moves its front forward and slides back to
// the start when it is full: O(1) a sample on average, no allocation once it has grown.
type ring struct {
	dims     int
	capacity int
	front    int
	entries  []entry
	values   []complex128 // x then y of each entry
	hint     int          // index of the last floor
}

func (r *ring) len() int             { return len(r.entries) - r.front }
func (r *ring) at(i int) *entry      { return &r.entries[r.front+i] }
func (r *ring) newest() int64        { return r.entries[len(r.entries)-1].t }
func (r *ring) plane(i int) int      { return (r.front + i) * 2 * r.dims }
func (r *ring) x(i int) []complex128 { p := r.plane(i); return r.values[p : p+r.dims] }
func (r *ring) y(i int) []complex128 { p := r.plane(i) + r.dims; return r.values[p : p+r.dims] }

// insert places p by its time, behind entries of the same time, and returns its index.
func (r *ring) insert(p *phase.Point, ref []complex128) int {
	if len(r.entries) == cap(r.entries) && r.front >= len(r.entries)-r.front {
		r.slide()
	}
	r.entries = append(r.entries, entry{})
	r.values = append(r.values, p.U...)
	r.values = append(r.values, ref...)
	k := r.len() - 1
	for k > 0 && r.at(k-1).t > p.T {
		*r.at(k) = *r.at(k - 1)
		copy(r.x(k), r.x(k-1))
		copy(r.y(k), r.y(k-1))
		k--
	}
	*r.at(k) = entry{t: p.T, weight: p.Weight, cross: p.V != nil}
	copy(r.x(k), p.U)
	copy(r.y(k), ref)
	return k
}

// slide moves the entries to the start of the slice.
func (r *ring) slide() {
	n := copy(r.entries, r.entries[r.front:])
	copy(r.values, r.values[r.front*2*r.dims:])
	r.entries, r.values = r.entries[:n], r.values[:n*2*r.dims]
	r.front = 0
}

// floor returns the last index whose time is at most t, or -1. In order it is O(1): it starts where it
// ended last.
func (r *ring) floor(t int64) int {
	n := r.len()
	i := min(max(r.hint-r.front, 0), n-1)
	for steps := 0; steps < 8; steps++ {
		switch {
		case r.at(i).t > t:
			if i == 0 {
				return -1
			}
			i--
		case i+1 < n && r.at(i+1).t <= t:
			i++
		default:
			r.hint = r.front + i
			return i
		}
	}
	lo, hi := -1, n // at(lo).t <= t < at(hi).t
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) >> 1); r.at(mid).t <= t {
			lo = mid
		} else {
			hi = mid
		}
	}
	r.hint = r.front + max(lo, 0)
	return lo
}

// evict drops what no sample after limit can need: all but one of those at limit or before. It returns how
// many more had to go because the ring was full.
func (r *ring) evict(limit int64) (lost uint64) {
	for r.len() > 1 && r.at(1).t <= limit {
		r.front++
	}
	for r.len() > r.capacity {
		r.front++
		lost++
	}
	return lost
}

func (r *ring) clear() {
	r.entries, r.values, r.front, r.hint = r.entries[:0], r.values[:0], 0, 0
}

func (r *ring) append(dst []byte) []byte {
	dst = state.Uint(dst, uint64(r.len()))
	for i := range r.len() {
		e := r.at(i)
		dst = state.Bool(state.Float(state.Int(dst, e.t), e.weight), e.cross)
		dst = appendTerm(dst, &e.term)
		dst = state.Complexes(state.Complexes(dst, r.x(i)...), r.y(i)...)
	}
	return dst
}

func (r *ring) read(s *state.Reader) {
	r.clear()
	n := s.Len(r.capacity)
	z := make([]complex128, 2*r.dims)
	for range n {
		e := entry{t: s.Int(), weight: s.Float(), cross: s.Bool()}
		e.term = readTerm(s)
		s.Complexes(z)
		if s.Err() != nil {
			return
		}
		if r.len() > 0 && e.t < r.newest() {
			s.Fail(errOrder)
			return
		}
		r.entries = append(r.entries, e)
		r.values = append(r.values, z...)
	}
}
