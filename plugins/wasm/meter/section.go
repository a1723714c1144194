package meter

import (
	"encoding/binary"
	"math"
	"strings"
)

func (w *rewriter) typeSection(s *reader) {
	n := s.count("types", w.cfg.Limits.Types)
	for i := 0; i < n && s.ok(); i++ {
		at := s.pos
		if form := s.byte("type form"); form != typeFunc {
			s.fail(at, "type %d of form %#x: accepted 0x60, a function", i, form)
		}
		params := w.valueTypes(s, "parameters", w.cfg.Limits.Params)
		results := w.valueTypes(s, "results", w.cfg.Limits.Results)
		w.types = append(w.types, signature{params, results})
	}
}

func (w *rewriter) valueTypes(s *reader, what string, max int) int {
	n := s.count(what, max)
	for i := 0; i < n && s.ok(); i++ {
		at := s.pos
		if c := s.byte("value type"); !valueType(c) {
			s.fail(at, "value type %#x: accepted 0x6f, 0x70, 0x7b…0x7f", c)
		}
	}
	return n
}

var kinds = [...]string{"function", "table", "memory", "global", "tag"}

func (w *rewriter) importSection(s *reader) {
	n := s.count("imports", w.cfg.Limits.Imports)
	for i := 0; i < n && s.ok(); i++ {
		im := Import{Module: s.name("import module"), Name: s.name("import name")}
		at := s.pos
		if kind := s.byte("import kind"); kind != 0 {
			s.fail(at, "import %q %q of kind %d: accepted 0, a function (%s are 1…4)",
				im.Module, im.Name, kind, strings.Join(kinds[1:], ", "))
		}
		w.funcs = append(w.funcs, s.index("type", len(w.types)))
		w.info.Imports = append(w.info.Imports, im)
	}
}

func (w *rewriter) functionSection(s *reader) {
	n := s.count("functions", w.cfg.Limits.Functions-min(len(w.funcs), w.cfg.Limits.Functions))
	for i := 0; i < n && s.ok(); i++ {
		w.funcs = append(w.funcs, s.index("type", len(w.types)))
	}
	w.info.Functions = n
}

// tableSection caps each table's maximum, so that table.grow fails beyond it as the
// specification has it.
func (w *rewriter) tableSection(s *reader) []byte {
	w.tables = s.count("tables", w.cfg.Limits.Tables)
	out := binary.AppendUvarint(nil, uint64(w.tables))
	for i := 0; i < w.tables && s.ok(); i++ {
		at := s.pos
		t := s.byte("table type")
		if !refType(t) {
			s.fail(at, "table type %#x: accepted 0x6f, 0x70", t)
		}
		out = append(out, t)
		out, _, _ = limits(s, out, "elements", math.MaxUint32, w.cfg.MaxElements)
	}
	return out
}

func (w *rewriter) memorySection(s *reader) []byte {
	n := s.count("memories", 1)
	out := binary.AppendUvarint(nil, uint64(n))
	if n == 1 {
		w.memory = true
		out, w.info.Pages, w.info.MaxPages = limits(s, out, "pages", 1<<16, w.cfg.MaxPages)
	}
	return out
}

// limits reads a minimum and a maximum of at most valid, and appends them with the maximum that
// most allows.
func limits(s *reader, out []byte, what string, valid, most uint32) (_ []byte, low, high uint32) {
	at := s.pos
	flag := s.byte("limits")
	if flag > 1 {
		s.fail(at, "limits flag %#x: accepted 0 and 1 (not shared, not 64 bit)", flag)
	}
	at = s.pos
	low = s.u32("minimum")
	high = most
	if flag == 1 {
		declared := s.u32("maximum")
		if low > declared || declared > valid {
			s.fail(at, "%d…%d %s: accepted a rising range up to %d", low, declared, what, valid)
		}
		high = min(declared, most)
	}
	if low > most {
		s.fail(at, "at least %d %s: at most %d", low, what, most)
	}
	out = append(out, 1)
	out = binary.AppendUvarint(out, uint64(low))
	return binary.AppendUvarint(out, uint64(high)), low, high
}

func (w *rewriter) globalSection(s *reader) []byte {
	n := s.count("globals", w.cfg.Limits.Globals)
	from := s.pos
	for w.globals = 0; w.globals < n && s.ok(); w.globals++ {
		at := s.pos
		if t := s.byte("global type"); !valueType(t) {
			s.fail(at, "global type %#x: accepted 0x6f, 0x70, 0x7b…0x7f", t)
		}
		at = s.pos
		if m := s.byte("mutability"); m > 1 {
			s.fail(at, "mutability %d: accepted 0, 1", m)
		}
		w.constant(s)
	}
	return w.appendGlobals(nil, s.b[from:s.pos])
}

// appendGlobals appends the module's globals and, after them, the fuel and the depth.
func (w *rewriter) appendGlobals(dst, original []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(w.globals)+w.own())
	dst = append(dst, original...)
	dst = appendSigned(append(dst, typeI64, 1, opI64Const), w.cfg.StartFuel)
	dst = append(dst, opEnd)
	if w.own() == 2 {
		dst = appendSigned(append(dst, typeI64, 1, opI64Const), int64(w.cfg.MaxDepth))
		dst = append(dst, opEnd)
	}
	return dst
}

// constant reads an initializer: exactly one constant instruction. A global may read the ones
// before it, whatever stands after them all.
func (w *rewriter) constant(s *reader) {
	at := s.pos
	switch op := s.byte("constant"); op {
	case opI32Const:
		s.signed(32, "i32.const")
	case opI64Const:
		s.signed(64, "i64.const")
	case opF32Const:
		s.take(4, "f32.const")
	case opF64Const:
		s.take(8, "f64.const")
	case opGlobalGet:
		s.index("global", w.globals)
	case opRefNull:
		s.reference()
	case opRefFunc:
		s.index("function", len(w.funcs))
	case opVector:
		if v := s.u32("vector opcode"); v != 0x0c {
			s.fail(at, "vector opcode %#x in a constant: accepted 0xc, v128.const", v)
		}
		s.take(16, "v128.const")
	default:
		s.fail(at, "opcode %#x in a constant: accepted 0x23, 0x41…0x44, 0xd0, 0xd2, 0xfd 0xc", op)
	}
	at = s.pos
	if op := s.byte("end of constant"); op != opEnd {
		s.fail(at, "opcode %#x after a constant: accepted 0xb, end (no extended constants)", op)
	}
}

func (w *rewriter) exportSection(s *reader) []byte {
	n := s.count("exports", w.cfg.Limits.Exports)
	from := s.pos
	memories := 0
	if w.memory {
		memories = 1
	}
	counts := [...]int{len(w.funcs), w.tables, memories, w.globals}
	for i := 0; i < n && s.ok(); i++ {
		at := s.pos
		if name := s.name("export name"); name == FuelGlobal || name == DepthGlobal {
			s.fail(at, "export %q: the name is reserved", name)
		}
		at = s.pos
		kind := s.byte("export kind")
		if int(kind) >= len(counts) {
			s.fail(at, "export kind %d: accepted 0…3", kind)
			break
		}
		s.index(kinds[kind], counts[kind])
	}
	return w.appendExports(nil, s.b[from:s.pos], n)
}

func (w *rewriter) appendExports(dst, original []byte, n int) []byte {
	dst = binary.AppendUvarint(dst, uint64(n)+w.own())
	dst = append(dst, original...)
	dst = appendExport(dst, FuelGlobal, w.fuel())
	if w.own() == 2 {
		dst = appendExport(dst, DepthGlobal, w.depth())
	}
	return dst
}

func appendExport(dst []byte, name string, global uint64) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(name)))
	dst = append(dst, name...)
	return binary.AppendUvarint(append(dst, 3), global)
}

// elementSection follows the eight forms of a segment: bit 0 passive or declared, bit 1 with a
// table index or declared, bit 2 with expressions in place of function indices.
func (w *rewriter) elementSection(s *reader) {
	n := s.count("element segments", w.cfg.Limits.Segments)
	left := w.cfg.Limits.Elements
	for i := 0; i < n && s.ok(); i++ {
		at := s.pos
		form := s.u32("element form")
		if form > 7 {
			s.fail(at, "element segment %d of form %d: accepted 0…7", i, form)
		}
		if form&1 == 0 {
			if form&2 != 0 {
				s.index("table", w.tables)
			}
			w.constant(s)
		}
		if form&3 != 0 {
			at = s.pos
			if t := s.byte("element type"); form&4 == 0 && t != 0 || form&4 != 0 && !refType(t) {
				s.fail(at, "element type %#x: accepted 0 in forms 1…3, 0x6f and 0x70 in forms 5…7", t)
			}
		}
		items := s.count("elements", left)
		left -= items
		for j := 0; j < items && s.ok(); j++ {
			if form&4 != 0 {
				w.constant(s)
			} else {
				s.index("function", len(w.funcs))
			}
		}
	}
}

func (w *rewriter) dataSection(s *reader) {
	at := s.pos
	n := s.count("data segments", w.cfg.Limits.Segments)
	if w.data >= 0 && n != w.data {
		s.fail(at, "%d data segments: the data count section says %d", n, w.data)
	}
	for i := 0; i < n && s.ok(); i++ {
		at = s.pos
		form := s.u32("data form")
		if form > 2 {
			s.fail(at, "data segment %d of form %d: accepted 0…2", i, form)
		}
		if form == 2 {
			s.index("memory", 1)
		}
		if form != 1 {
			w.constant(s)
		}
		s.take(s.u32("data size"), "data")
	}
}
