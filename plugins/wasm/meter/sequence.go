package meter

import "encoding/binary"

// body writes what is added to one function.
type body struct {
	w       *rewriter
	out     []byte
	counts  bool   // the function counts the depth of calls
	depth   uint64 // the local that holds it
	scratch uint64 // the local that holds a length
}

func (b *body) add(e edit, charges []charge) {
	switch e.kind {
	case addCharge:
		if c := charges[e.charge]; c.cost > 0 {
			b.w.info.Charges++
			b.charge(c)
		}
	case addLength:
		b.length(e.length)
	case addDepth:
		if b.counts {
			b.index(opLocalGet, b.depth)
			b.index(opGlobalSet, b.w.depth())
		}
	}
}

func (b *body) op(ops ...byte)              { b.out = append(b.out, ops...) }
func (b *body) index(op byte, index uint64) { b.out = binary.AppendUvarint(append(b.out, op), index) }
func (b *body) number(op byte, v int64)     { b.out = appendSigned(append(b.out, op), v) }

// charge takes a charge's cost, and traps below zero where a cycle passes.
func (b *body) charge(c charge) {
	entry := c.from == dead
	if entry && b.counts {
		b.index(opGlobalGet, b.w.depth())
		b.number(opI64Const, 1)
		b.op(opI64Sub)
		b.index(opLocalSet, b.depth)
	}
	b.index(opGlobalGet, b.w.fuel())
	b.number(opI64Const, int64(c.cost))
	b.op(opI64Sub)
	b.index(opGlobalSet, b.w.fuel())
	if c.check {
		b.check(entry && b.counts)
	}
}

// check traps if the fuel, or at the entry the depth, is below zero: both leave their global
// negative.
func (b *body) check(depth bool) {
	b.index(opGlobalGet, b.w.fuel())
	if depth {
		b.index(opLocalGet, b.depth)
		b.op(opI64Or)
	}
	b.number(opI64Const, 0)
	b.op(opI64LtS, opIf, voidBlock)
	if depth {
		b.index(opLocalGet, b.depth)
		b.index(opGlobalSet, b.w.depth())
	}
	b.op(opUnreachable, opEnd)
}

// length charges the number on top of the stack and leaves it there.
func (b *body) length(l length) {
	b.index(opLocalTee, b.scratch)
	b.index(opGlobalGet, b.w.fuel())
	switch l {
	case lenBytes:
		b.index(opLocalGet, b.scratch)
		b.op(opI64ExtendU)
		b.number(opI64Const, 3)
		b.op(opI64ShrU)
	case lenElements:
		b.index(opLocalGet, b.scratch)
		b.op(opI64ExtendU)
	case lenPages:
		b.atMost(b.w.cfg.MaxPages)
		b.number(opI64Const, 1<<16/8)
		b.op(opI64Mul)
	case lenSlots:
		b.atMost(b.w.cfg.MaxElements)
	}
	b.op(opI64Sub)
	b.index(opGlobalSet, b.w.fuel())
	b.check(false)
}

// atMost pushes the scratch local or limit, whichever is smaller, as 64 bits.
func (b *body) atMost(limit uint32) {
	b.index(opLocalGet, b.scratch)
	b.number(opI32Const, int64(limit))
	b.index(opLocalGet, b.scratch)
	b.number(opI32Const, int64(limit))
	b.op(opI32LtU, opSelect, opI64ExtendU)
}
