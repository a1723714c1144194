package kairos

import (
	"errors"
	"math"
	"math/bits"

	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

var errOrder = errors.New("entries are not in the order of time")

// fixed is an exact sum of numbers in [-1, 1], each rounded to 2^-62, in 128 bits: it adds and takes away
// without drift, in any order, to the same bits, for up to 2^64 terms.
//
// KERNEL.md 1.8 names 2^-30 in 64 bits; that rounding misses the 1e-11 of case 02 and saves 1 ns.
type fixed struct {
	hi int64
	lo uint64
}

func (f *fixed) add(v float64) {
	q := int64(v * 0x1p62)
	var carry uint64
	f.lo, carry = bits.Add64(f.lo, uint64(q), 0)
	f.hi += q>>63 + int64(carry)
}

func (f *fixed) float() float64 {
	hi, lo := uint64(f.hi), f.lo
	if f.hi < 0 {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	v := float64(float64(hi)*0x1p2) + float64(float64(lo)*0x1p-62)
	if f.hi < 0 {
		return -v
	}
	return v
}

// double is a sum in two floats, exact to 106 bits of the largest it has held.
type double struct{ hi, lo float64 }

func (d *double) add(v float64) {
	s := d.hi + v
	b := s - d.hi
	e := (d.hi - (s - b)) + (v - b)
	d.hi, d.lo = s, d.lo+e
}

func (d *double) float() float64 { return d.hi + d.lo }

// row is what a term adds to each sum, in the order of sums.
type row [8]float64

func rowOf(t *Term) row {
	w := t.Weight
	wa := float64(w * exact.Abs(t.P))
	return row{
		float64(w * real(t.P)), float64(w * imag(t.P)), w, float64(w * w),
		float64(w * t.Ex), float64(w * t.Ey), wa, float64(wa * wa),
	}
}

// total is the sum of rows, exact either way.
type total struct {
	byPhase  [8]fixed
	byEnergy [8]double
}

// add adds sign·r; r of a phase term lies in [-1, 1].
func (t *total) add(reading phase.Reading, r *row, sign float64) {
	if reading == phase.ByPhase {
		for i, v := range r {
			t.byPhase[i].add(float64(sign * max(-1, min(1, v))))
		}
		return
	}
	for i, v := range r {
		t.byEnergy[i].add(float64(sign * v))
	}
}

func (t *total) sums(reading phase.Reading) sums {
	var v [8]float64
	for i := range v {
		if reading == phase.ByPhase {
			v[i] = t.byPhase[i].float()
		} else {
			v[i] = t.byEnergy[i].float()
		}
	}
	return sums{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]}
}

// rect is the window of the terms with t in (newest-length, newest], or of all terms where length is 0.
type rect struct {
	reading  phase.Reading
	length   int64
	capacity int
	terms    []Term // in the order of time from front; empty where length is 0
	front    int
	total    total
	peak     float64 // largest energy since the sums were last made anew
	n        uint64
	newest   int64
	heard    bool
	lost     uint64
}

// add places a term. It reports false for one that has already left the window.
func (w *rect) add(t *Term) bool {
	if w.length > 0 && w.heard && t.T < w.newest && age(w.newest, t.T) >= uint64(w.length) {
		return false
	}
	if !w.heard || t.T > w.newest {
		w.newest, w.heard = t.T, true
		w.expire()
	}
	if t.Weight == 0 {
		return true
	}
	r := rowOf(t)
	if t.Sign < 0 {
		w.remove(t)
		return true
	}
	w.total.add(w.reading, &r, 1)
	w.n++
	if w.length > 0 {
		w.place(t)
	}
	if w.reading == phase.ByEnergy {
		w.peak = max(w.peak, w.energy())
	}
	return true
}

func (w *rect) energy() float64 { return w.total.byEnergy[4].hi + w.total.byEnergy[5].hi }

// place inserts t into the ring.
func (w *rect) place(t *Term) {
	if len(w.terms) == cap(w.terms) && w.front >= len(w.terms)-w.front {
		w.terms = w.terms[:copy(w.terms, w.terms[w.front:])]
		w.front = 0
	}
	w.terms = append(w.terms, *t)
	k := len(w.terms) - 1
	for k > w.front && w.terms[k-1].T > t.T {
		w.terms[k] = w.terms[k-1]
		k--
	}
	w.terms[k] = *t
	if len(w.terms)-w.front > w.capacity {
		w.drop(w.front)
		w.front++
		w.lost++
	}
}

// expire drops what has left the window.
func (w *rect) expire() {
	for w.front < len(w.terms) && w.gone(w.front, w.newest) {
		w.drop(w.front)
		w.front++
	}
	w.renew()
}

func (w *rect) gone(i int, now int64) bool {
	return age(now, w.terms[i].T) >= uint64(w.length)
}

// drop takes the row of entry i out of the sums.
func (w *rect) drop(i int) {
	r := rowOf(&w.terms[i])
	w.total.add(w.reading, &r, -1)
	w.n--
}

// remove takes back the newest entry that equals t but for its sign.
func (w *rect) remove(t *Term) {
	if w.length == 0 {
		r := rowOf(t)
		w.total.add(w.reading, &r, -1)
		w.n--
		return
	}
	for i := len(w.terms) - 1; i >= w.front && w.terms[i].T >= t.T; i-- {
		if e := &w.terms[i]; e.T == t.T && e.P == t.P && e.Weight == t.Weight {
			w.drop(i)
			w.terms = append(w.terms[:i], w.terms[i+1:]...)
			w.renew()
			return
		}
	}
}

// renew adds the energy sums up anew after something has gone that outweighed the rest by 2^40: what it
// had pushed out of the 106 bits comes back. That takes a window's time to happen again.
func (w *rect) renew() {
	if w.reading != phase.ByEnergy || w.length == 0 || w.energy() >= w.peak*0x1p-40 {
		return
	}
	w.total = total{}
	for i := w.front; i < len(w.terms); i++ {
		r := rowOf(&w.terms[i])
		w.total.add(w.reading, &r, 1)
	}
	w.peak = w.energy()
}

// readAt sums what is inside at the instant at, without changing anything. O(1) at the newest term.
func (w *rect) readAt(at int64) (sums, uint64, int64) {
	if !w.heard || at <= w.newest || w.length == 0 {
		if !w.heard || at < w.newest {
			at = w.newest
		}
		return w.total.sums(w.reading), w.n, at
	}
	later := *w
	later.newest = at
	for later.front < len(later.terms) && later.gone(later.front, at) {
		later.drop(later.front)
		later.front++
	}
	if w.reading == phase.ByEnergy && later.energy() < w.peak*0x1p-40 {
		later.total = total{}
		for i := later.front; i < len(later.terms); i++ {
			r := rowOf(&later.terms[i])
			later.total.add(w.reading, &r, 1)
		}
	}
	return later.total.sums(w.reading), later.n, at
}

func (w *rect) append(dst []byte) []byte {
	dst = state.Bool(state.Int(dst, w.newest), w.heard)
	dst = state.Float(state.Uint(state.Uint(dst, w.n), w.lost), w.peak)
	for i := range w.total.byPhase {
		f, d := w.total.byPhase[i], w.total.byEnergy[i]
		dst = state.Floats(state.Uint(state.Int(dst, f.hi), f.lo), d.hi, d.lo)
	}
	dst = state.Uint(dst, uint64(len(w.terms)-w.front))
	for i := w.front; i < len(w.terms); i++ {
		dst = appendTerm(dst, &w.terms[i])
	}
	return dst
}

func (w *rect) read(r *state.Reader) {
	w.newest, w.heard = r.Int(), r.Bool()
	w.n, w.lost, w.peak = r.Uint(), r.Uint(), r.Float()
	for i := range w.total.byPhase {
		w.total.byPhase[i] = fixed{hi: r.Int(), lo: r.Uint()}
		w.total.byEnergy[i] = double{hi: r.Float(), lo: r.Float()}
	}
	n := r.Len(w.capacity)
	w.terms, w.front = w.terms[:0], 0
	for range n {
		t := readTerm(r)
		if r.Err() != nil {
			return
		}
		if k := len(w.terms); k > 0 && t.T < w.terms[k-1].T {
			r.Fail(errOrder)
			return
		}
		w.terms = append(w.terms, t)
	}
}

func appendTerm(dst []byte, t *Term) []byte {
	dst = state.Complex(state.Int(dst, t.T), t.P)
	dst = state.Floats(dst, t.Ex, t.Ey, t.Weight)
	return state.Bool(state.Int(dst, int64(t.Sign)), t.Fresh)
}

func readTerm(r *state.Reader) Term {
	t := Term{T: r.Int(), P: r.Complex(), Ex: r.Float(), Ey: r.Float(), Weight: r.Float()}
	t.Sign, t.Fresh = int8(r.Int()), r.Bool()
	if math.Abs(t.Weight) > 1 {
		r.Fail(errTerm)
	}
	return t
}
