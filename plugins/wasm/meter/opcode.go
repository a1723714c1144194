package meter

import "strings"

// The opcodes that the rewriter follows or writes.
const (
	opUnreachable  = 0x00
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opSelect       = 0x1b
	opSelectTyped  = 0x1c
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opI32LtU       = 0x49
	opI64LtS       = 0x53
	opI64Sub       = 0x7d
	opI64Mul       = 0x7e
	opI64Or        = 0x84
	opI64ShrU      = 0x88
	opI64ExtendU   = 0xad
	opRefNull      = 0xd0
	opRefFunc      = 0xd2
	opMisc         = 0xfc
	opVector       = 0xfd

	voidBlock = 0x40
	typeFunc  = 0x60
	typeI64   = 0x7e
	typeI32   = 0x7f
)

// Costs, in units of one simple instruction. METER.md has the table and its reasons.
const (
	costSimple   = 1
	costDivide   = 8
	costCall     = 4
	costIndirect = 8
	costHost     = 64
	costBulk     = 16
	costGrow     = 256
	costEntry    = 4 // and a unit for every four locals
)

// immediate says what follows an opcode.
type immediate uint8

const (
	immUnknown    immediate = iota // not an instruction that we accept
	immNone                        // nothing
	immFunc                        // a function index
	immTypes                       // select's vector of exactly one type
	immLocal                       // a local index
	immGlobal                      // a global index
	immTable                       // a table index
	immTables                      // two table indices
	immElem                        // an element segment
	immElemTable                   // an element segment, a table index
	immData                        // a data segment
	immDataZero                    // a data segment, a zero byte
	immMemarg                      // alignment and offset
	immMemargLane                  // alignment and offset, one byte
	immZero                        // a zero byte
	immZeros                       // two zero bytes
	immI32                         // a signed number of 32 bits
	immI64                         // a signed number of 64 bits
	immRef                         // a reference type
	immLane                        // one byte
	imm4                           // four bytes
	imm8                           // eight bytes
	imm16                          // sixteen bytes
)

// length says how the number on top of the stack becomes units.
type length uint8

const (
	lenNone     length = iota
	lenBytes           // a unit for every eight bytes
	lenElements        // a unit for every element
	lenPages           // as lenBytes for pages of 64 KiB, at most Config.MaxPages
	lenSlots           // as lenElements, at most Config.MaxElements
)

// plain returns what follows the one-byte opcode op, its static cost, and what its length costs.
// Blocks, branches and calls are not among them: the scanner follows those itself.
func plain(op byte) (immediate, uint32, length) {
	switch {
	case op == 0x01, op == 0x1a, op == opSelect, op == 0xd1: // nop, drop, select, ref.is_null
		return immNone, costSimple, lenNone
	case op == opSelectTyped:
		return immTypes, costSimple, lenNone
	case op >= opLocalGet && op <= opLocalTee:
		return immLocal, costSimple, lenNone
	case op == opGlobalGet, op == opGlobalSet:
		return immGlobal, costSimple, lenNone
	case op == 0x25, op == 0x26: // table.get, table.set
		return immTable, costSimple, lenNone
	case op >= 0x28 && op <= 0x3e: // loads and stores
		return immMemarg, costSimple, lenNone
	case op == 0x3f: // memory.size
		return immZero, costSimple, lenNone
	case op == opMemoryGrow:
		return immZero, costGrow, lenPages
	case op == opI32Const:
		return immI32, costSimple, lenNone
	case op == opI64Const:
		return immI64, costSimple, lenNone
	case op == opF32Const:
		return imm4, costSimple, lenNone
	case op == opF64Const:
		return imm8, costSimple, lenNone
	case op == opRefNull:
		return immRef, costSimple, lenNone
	case op == opRefFunc:
		return immFunc, costSimple, lenNone
	case op >= 0x45 && op <= 0xc4:
		return immNone, numeric(op), lenNone
	}
	return immUnknown, 0, lenNone
}

// numeric returns the cost of comparisons, arithmetic, conversions and sign extensions.
func numeric(op byte) uint32 {
	switch {
	case op >= 0x6d && op <= 0x70, op >= 0x7f && op <= 0x82: // div and rem of i32 and i64
		return costDivide
	case op == 0x91, op == 0x95, op == 0x9f, op == 0xa3: // sqrt and div of f32 and f64
		return costDivide
	}
	return costSimple
}

// misc is plain for the opcodes after 0xfc.
func misc(op uint32) (immediate, uint32, length) {
	switch op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // saturating truncation
		return immNone, costSimple, lenNone
	case 8: // memory.init
		return immDataZero, costBulk, lenBytes
	case 9: // data.drop
		return immData, costSimple, lenNone
	case 10: // memory.copy
		return immZeros, costBulk, lenBytes
	case 11: // memory.fill
		return immZero, costBulk, lenBytes
	case 12: // table.init
		return immElemTable, costBulk, lenElements
	case 13: // elem.drop
		return immElem, costSimple, lenNone
	case 14: // table.copy
		return immTables, costBulk, lenElements
	case 15: // table.grow
		return immTable, costGrow, lenSlots
	case 16: // table.size
		return immTable, costSimple, lenNone
	case 17: // table.fill
		return immTable, costBulk, lenElements
	}
	return immUnknown, 0, lenNone
}

// unassigned lists the vector opcodes below 0x100 that no instruction has.
const unassigned = "\x9a\xa2\xa5\xa6\xaf\xb0\xb2\xb3\xb4\xbb\xc2\xc5\xc6\xcf\xd0\xd2\xd3\xd4\xe2\xee"

// vector is plain for the opcodes after 0xfd.
func vector(op uint32) (immediate, uint32) {
	switch {
	case op > 0xff || strings.IndexByte(unassigned, byte(op)) >= 0:
		return immUnknown, 0
	case op <= 0x0b, op == 0x5c, op == 0x5d: // loads, splats, extensions, store
		return immMemarg, costSimple
	case op == 0x0c, op == 0x0d: // const, shuffle
		return imm16, costSimple
	case op >= 0x15 && op <= 0x22: // lanes
		return immLane, costSimple
	case op >= 0x54 && op <= 0x5b: // loads and stores of lanes
		return immMemargLane, costSimple
	case op == 0xe3, op == 0xe7, op == 0xef, op == 0xf3: // sqrt and div
		return immNone, costDivide
	}
	return immNone, costSimple
}

// refusal names the proposal that the opcode op belongs to.
func refusal(op byte) string {
	switch {
	case op >= 0x06 && op <= 0x0a, op == 0x18, op == 0x19, op == 0x1f:
		return "exception handling is not accepted"
	case op == 0x12, op == 0x13, op == 0x15:
		return "tail calls are not accepted"
	case op == 0x14, op >= 0xd3 && op <= 0xd6:
		return "typed function references are not accepted"
	case op == 0xfb:
		return "garbage collection is not accepted"
	case op == 0xfe:
		return "threads are not accepted"
	case op == opVector:
		return "accepted 0…0xff as far as SIMD assigns them (not relaxed SIMD)"
	case op == opMisc:
		return "accepted 0…0x11"
	}
	return "not an instruction of WebAssembly 2.0"
}

// valueType reports whether c is a number, vector or reference type.
func valueType(c byte) bool { return c >= 0x7b && c <= typeI32 || refType(c) }

func refType(c byte) bool { return c == 0x6f || c == 0x70 }
