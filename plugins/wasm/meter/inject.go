package meter

import (
	"encoding/binary"
	"math"
)

// edit is a place where the rewritten body has more than the original.
type edit struct {
	at     int    // offset in the module before which the addition stands
	charge int    // the charge to take; unused where length is set
	length length // how the instruction at this place is paid by the number on the stack
}

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
	for i := 0; i < n && s.ok(); i++ {
		at = s.pos
		size := s.u32("body size")
		if limit := w.cfg.Limits.Body; uint64(size) > uint64(limit) {
			s.fail(at, "function %d of %d bytes: at most %d", imported+i, size, limit)
		}
		r := s.sub(size, "body")
		body = w.function(body[:0], &r, w.types[w.funcs[imported+i]])
		s.err = r.err
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
	}
	return out
}

// function appends the metered body that r holds.
func (w *rewriter) function(dst []byte, r *reader, sig signature) []byte {
	groups, from := w.locals(r, sig)
	start := r.pos
	w.scan.body(sig)
	if !r.ok() {
		return dst
	}
	w.scan.merge()
	scratch := w.scan.locals
	long := false
	for _, e := range w.scan.edits {
		long = long || e.length != lenNone
	}
	if long {
		groups++
	}
	dst = binary.AppendUvarint(dst, uint64(groups))
	dst = append(dst, r.b[from:start]...)
	if long {
		dst = append(dst, 1, typeI32)
	}
	done := start
	for _, e := range w.scan.edits {
		dst = append(dst, r.b[done:e.at]...)
		done = e.at
		if e.length != lenNone {
			dst = w.appendLength(dst, e.length, uint64(scratch))
		} else if c := w.scan.charges[e.charge]; c.cost > 0 {
			dst = w.appendCharge(dst, c)
			w.info.Charges++
		}
	}
	return append(dst, r.b[done:r.end]...)
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

func (w *rewriter) appendFuel(dst []byte, op byte) []byte {
	return binary.AppendUvarint(append(dst, op), uint64(w.globals))
}

// appendCharge takes a charge's cost: fuel -= cost, and a trap below zero.
func (w *rewriter) appendCharge(dst []byte, c charge) []byte {
	dst = w.appendFuel(dst, opGlobalGet)
	dst = appendSigned(append(dst, opI64Const), int64(c.cost))
	dst = w.appendFuel(append(dst, opI64Sub), opGlobalSet)
	if c.check {
		dst = w.appendCheck(dst)
	}
	return dst
}

func (w *rewriter) appendCheck(dst []byte) []byte {
	dst = w.appendFuel(dst, opGlobalGet)
	return append(dst, opI64Const, 0, opI64LtS, opIf, voidBlock, opUnreachable, opEnd)
}

// appendLength charges the number on top of the stack and leaves it there.
func (w *rewriter) appendLength(dst []byte, l length, scratch uint64) []byte {
	dst = binary.AppendUvarint(append(dst, opLocalTee), scratch)
	dst = w.appendFuel(dst, opGlobalGet)
	dst = binary.AppendUvarint(append(dst, opLocalGet), scratch)
	switch l {
	case lenPages:
		dst = appendCap(dst, scratch, w.cfg.MaxPages)
		dst = append(dst, opI64ExtendU, opI64Const)
		dst = append(appendSigned(dst, 1<<16/8), opI64Mul)
	case lenSlots:
		dst = appendCap(dst, scratch, w.cfg.MaxElements)
		dst = append(dst, opI64ExtendU)
	case lenBytes:
		dst = append(dst, opI64ExtendU, opI64Const, 3, opI64ShrU)
	case lenElements:
		dst = append(dst, opI64ExtendU)
	}
	dst = w.appendFuel(append(dst, opI64Sub), opGlobalSet)
	return w.appendCheck(dst)
}

// appendCap replaces the number on the stack, which scratch holds too, by limit where it is above.
func appendCap(dst []byte, scratch uint64, limit uint32) []byte {
	dst = appendSigned(append(dst, opI32Const), int64(int32(limit)))
	dst = binary.AppendUvarint(append(dst, opLocalGet), scratch)
	dst = appendSigned(append(dst, opI32Const), int64(int32(limit)))
	return append(dst, opI32LtU, opSelect)
}
