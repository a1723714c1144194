package meter

import (
	"encoding/binary"
	"slices"
	"strings"
)

// asm assembles a module from raw bytes, each of its fields one section's items in order.
type asm struct {
	types, imports, funcs, tables, memories, globals, exports []string
	start                                                     string
	elements, bodies, data                                    []string
	dataCount                                                 bool
}

// Value and function types of the tests.
const (
	i32, i64, f64 = "\x7f", "\x7e", "\x7c"

	void = "\x60\x00\x00"         // () → ()
	ii   = "\x60\x01\x7f\x01\x7f" // i32 → i32
	iiI  = "\x60\x02\x7f\x7f\x01\x7f"
	il   = "\x60\x01\x7e\x01\x7e"         // i64 → i64
	mul  = "\x60\x01\x7f\x02\x7f\x7f"     // i32 → i32 i32
	mul2 = "\x60\x02\x7f\x7f\x02\x7f\x7f" // i32 i32 → i32 i32
)

func leb(n int) string { return string(binary.AppendUvarint(nil, uint64(n))) }

func sized(s string) string { return leb(len(s)) + s }

// fn adds a function of the given type, exported under its name unless that is empty.
func (a *asm) fn(name, typ, locals string, code ...string) {
	t := slices.Index(a.types, typ)
	if t < 0 {
		t = len(a.types)
		a.types = append(a.types, typ)
	}
	if locals == "" {
		locals = "\x00"
	}
	if name != "" {
		a.exports = append(a.exports, sized(name)+"\x00"+leb(len(a.imports)+len(a.funcs)))
	}
	a.funcs = append(a.funcs, leb(t))
	a.bodies = append(a.bodies, sized(locals+strings.Join(code, "")+"\x0b"))
}

func (a *asm) bytes() []byte {
	out := "\x00asm\x01\x00\x00\x00"
	section := func(id byte, items []string) {
		if len(items) > 0 {
			out += string(id) + sized(leb(len(items))+strings.Join(items, ""))
		}
	}
	section(idType, a.types)
	section(idImport, a.imports)
	section(idFunction, a.funcs)
	section(idTable, a.tables)
	section(idMemory, a.memories)
	section(idGlobal, a.globals)
	section(idExport, a.exports)
	if a.start != "" {
		out += string(rune(idStart)) + sized(a.start)
	}
	section(idElement, a.elements)
	if a.dataCount {
		out += string(rune(idDataCount)) + sized(leb(len(a.data)))
	}
	section(idCode, a.bodies)
	section(idData, a.data)
	return []byte(out)
}

// Instructions of the tests.
const (
	get0, get1, get2 = "\x20\x00", "\x20\x01", "\x20\x02"
	set0, set1, set2 = "\x21\x00", "\x21\x01", "\x21\x02"
	tee0             = "\x22\x00"
	block, loop, ifv = "\x02\x40", "\x03\x40", "\x04\x40"
	ifi              = "\x04\x7f"
	els, end         = "\x05", "\x0b"
	drop             = "\x1a"
	one, zero        = "\x41\x01", "\x41\x00"
	add, sub, eqz    = "\x6a", "\x6b", "\x45"
)

func br(n int) string   { return "\x0c" + leb(n) }
func brIf(n int) string { return "\x0d" + leb(n) }
func call(n int) string { return "\x10" + leb(n) }
func i32c(n int) string { return string(appendSigned([]byte{opI32Const}, int64(n))) }
