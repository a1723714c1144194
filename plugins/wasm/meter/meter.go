package meter

import (
	"encoding/binary"
	"slices"
)

// FuelGlobal is the name under which a rewritten module exports its fuel: a mutable i64 that the
// host sets before a call and reads after it. Negative means exhausted.
const FuelGlobal = "bo1_fuel"

// DepthGlobal is the name under which a rewritten module exports how many more calls may nest: a
// mutable i64 that the host sets to Config.MaxDepth before a call. Negative after a trap means
// that calls nested too deep. There is none if Config.MaxDepth is 0.
const DepthGlobal = "bo1_depth"

// Info is what the rewriter has seen of a module.
type Info struct {
	Imports   []Import // in the module's order; functions only, everything else is refused
	Functions int      // defined in the module, imported ones not counted
	Charges   int      // places where fuel is taken
	Pages     uint32   // initial memory, in pages of 64 KiB
	MaxPages  uint32   // the maximum that was written into the module; 0 without a memory
}

// Import is a function that the module wants from its host.
type Import struct{ Module, Name string }

// Rewrite checks module against cfg and returns a copy that pays for what it executes. The
// result shares no memory with module. An error is an [*Error], except for an invalid cfg.
// Time and memory are linear in len(module).
func Rewrite(module []byte, cfg Config) (out []byte, info Info, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, Info{}, err
	}
	w := rewriter{cfg: cfg, r: reader{b: module, end: len(module), section: "header"}}
	if err := w.module(); err != nil {
		return nil, Info{}, err
	}
	return w.out, w.info, nil
}

// signature is what the limits need of a function type.
type signature struct{ params, results int }

// rewriter reads a module once from front to end and writes the rewritten one behind it.
type rewriter struct {
	cfg  Config
	r    reader // the module
	out  []byte
	info Info

	types   []signature
	funcs   []uint32 // type index of each function, imported ones first
	tables  int
	memory  bool
	globals int // of the module
	bodies  bool
	data    int // data segments by the data count section, or -1
	scan    scanner
}

// own is the number of globals that the rewriting adds; fuel and depth are their indices.
func (w *rewriter) own() uint64 {
	if w.cfg.MaxDepth > 0 {
		return 2
	}
	return 1
}

func (w *rewriter) fuel() uint64  { return uint64(w.globals) }
func (w *rewriter) depth() uint64 { return uint64(w.globals) + 1 }

// ranks orders the sections by id: data count (12) stands before code (10).
var ranks = [...]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 10}

const (
	idCustom, idType, idImport, idFunction, idTable  = 0, 1, 2, 3, 4
	idMemory, idGlobal, idExport, idStart, idElement = 5, 6, 7, 8, 9
	idCode, idData, idDataCount                      = 10, 11, 12
)

var sectionNames = [...]string{
	"custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element",
	"code", "data", "data count",
}

func (w *rewriter) module() error {
	r := &w.r
	if len(r.b) > w.cfg.Limits.Module {
		r.fail(0, "module of %d bytes: at most %d", len(r.b), w.cfg.Limits.Module)
	}
	header := r.take(8, "magic and version")
	if string(header) != "\x00asm\x01\x00\x00\x00" {
		r.fail(0, "header % x: accepted 00 61 73 6d 01 00 00 00", header)
		return r.err
	}
	w.out = append(slices.Grow(w.out, len(r.b)+len(r.b)/2), header...)
	w.data = -1
	last := 0
	for r.more() {
		last = w.section(last)
	}
	w.missing(last, len(ranks))
	if n := len(w.funcs) - len(w.info.Imports); !w.bodies && n > 0 {
		r.fail(r.pos, "%d functions without a code section", n)
	}
	return r.err
}

// section copies the next section, which must rank above last, and returns its rank.
func (w *rewriter) section(last int) int {
	r := &w.r
	at := r.pos
	id := r.byte("section id")
	r.section = "module"
	if int(id) >= len(ranks) {
		r.fail(at, "section id %d: accepted 0…%d (no tags, no components)", id, len(ranks)-1)
		return last
	}
	r.section = sectionNames[id]
	s := r.sub(r.u32("section size"), "section")
	if id != idCustom {
		if ranks[id] <= last {
			r.fail(at, "section out of order or repeated")
		}
		w.missing(last, ranks[id])
		last = ranks[id]
	}
	if !r.ok() {
		return last
	}
	w.content(id, &s)
	if s.more() {
		s.fail(s.pos, "%d bytes after the section's end", s.end-s.pos)
	}
	r.err = s.err
	return last
}

// missing adds the sections for the fuel that the module itself has not, where they belong.
func (w *rewriter) missing(last, next int) {
	if last < ranks[idGlobal] && next > ranks[idGlobal] {
		w.emit(idGlobal, w.appendGlobals(nil, nil))
	}
	if last < ranks[idExport] && next > ranks[idExport] {
		w.emit(idExport, w.appendExports(nil, nil, 0))
	}
}

func (w *rewriter) emit(id byte, payload []byte) {
	w.out = append(w.out, id)
	w.out = binary.AppendUvarint(w.out, uint64(len(payload)))
	w.out = append(w.out, payload...)
}

// content checks a section and writes it, changed where the fuel or a cap asks for it.
func (w *rewriter) content(id byte, s *reader) {
	whole := s.b[s.pos:s.end]
	switch id {
	case idCustom:
		s.name("custom section name")
		s.pos = s.end
		return // dropped: names and debug data describe offsets that no longer hold
	case idType:
		w.typeSection(s)
	case idImport:
		w.importSection(s)
	case idFunction:
		w.functionSection(s)
	case idTable:
		whole = w.tableSection(s)
	case idMemory:
		whole = w.memorySection(s)
	case idGlobal:
		whole = w.globalSection(s)
	case idExport:
		whole = w.exportSection(s)
	case idStart:
		s.index("start function", len(w.funcs))
	case idElement:
		w.elementSection(s)
	case idDataCount:
		w.data = s.count("data segments", w.cfg.Limits.Segments)
	case idCode:
		w.bodies = true
		whole = w.codeSection(s)
	case idData:
		w.dataSection(s)
	}
	if s.ok() {
		w.emit(id, whole)
	}
}
