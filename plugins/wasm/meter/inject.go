package meter

import (
	"encoding/binary"
	"math"
)

// tolerance is the most units that a charge may take for instructions that a branch then skips.
// Small blocks that only sometimes run are paid where they are certain to be paid once.
const tolerance = 12

func (w *rewriter) codeSection(s *reader) []byte {
	imported := len(w.info.Imports)
	at := s.pos
	n := s.count("function bodies", w.cfg.Limits.Functions)
	if n != len(w.funcs)-imported {
		s.fail(at, "%d function bodies: the function section says %d", n, len(w.funcs)-imported)
	}
	out := binary.AppendUvarint(make([]byte, 0, (s.end-s.pos)*3/2), uint64(n))
	var body []byte
	total := 0
	for i := 0; i < n && s.ok(); i++ {
		at = s.pos
		size := s.u32("body size")
		if limit := w.cfg.Limits.Body; uint64(size) > uint64(limit) {
			s.fail(at, "function %d of %d bytes: at most %d", imported+i, size, limit)
		}
		r := s.sub(size, "body")
		body = w.function(body[:0], &r, w.types[w.funcs[imported+i]])
		s.err = r.err
		if total += w.scan.complexity(); total > w.cfg.Limits.Total {
			s.fail(at, "complexity %d of the functions up to %d: at most %d", total, imported+i, w.cfg.Limits.Total)
		}
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
	}
	return out
}

// function appends the metered body that r holds.
func (w *rewriter) function(dst []byte, r *reader, sig signature) []byte {
	groups, from := w.locals(r, sig)
	start := r.pos
	c := &w.scan
	c.body(sig)
	if !r.ok() {
		return dst
	}
	c.merge()
	b := body{w: w, counts: c.calls && w.cfg.MaxDepth > 0, depth: uint64(c.locals), scratch: uint64(c.locals)}
	var added []byte
	if b.counts {
		added = append(added, 1, typeI64)
		b.scratch++
		groups++
	}
	if c.lengths {
		added = append(added, 1, typeI32)
		groups++
	}
	b.out = append(binary.AppendUvarint(dst, uint64(groups)), r.b[from:start]...)
	b.out = append(b.out, added...)
	for _, e := range c.edits {
		b.out = append(b.out, r.b[start:e.at]...)
		start = e.at
		b.add(e, c.charges)
	}
	return append(b.out, r.b[start:r.end]...)
}

// locals reads the declarations of locals, hands their number to the scanner, and returns the
// number of groups and where they begin.
func (w *rewriter) locals(r *reader, sig signature) (groups, from int) {
	at := r.pos
	limit := w.cfg.Limits.Locals
	groups = r.count("groups of locals", limit)
	from = r.pos
	total := uint64(sig.params)
	for i := 0; i < groups && r.ok(); i++ {
		total += uint64(r.u32("locals"))
		if t := r.byte("local type"); !valueType(t) {
			r.fail(r.pos-1, "local type %#x: accepted 0x6f, 0x70, 0x7b…0x7f", t)
		}
		if total > uint64(limit) {
			r.fail(at, "%d locals: at most %d", total, limit)
		}
	}
	w.scan.w, w.scan.r, w.scan.locals = w, r, int(min(total, math.MaxInt32))
	return groups, from
}

// merge moves charges that are small enough into the charge that is always passed before.
func (c *scanner) merge() {
	for i := len(c.charges) - 1; i > 0; i-- {
		own := &c.charges[i]
		if own.check {
			continue
		}
		if from := &c.charges[own.from]; from.slack+own.cost <= tolerance {
			from.slack += own.cost
			from.cost += own.cost
			own.cost = 0
		}
	}
}
