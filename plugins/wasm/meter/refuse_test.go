package meter

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every refusal names its section, its place, the value and what is accepted.
func TestRefusals(t *testing.T) {
	with := func(f func(*asm)) []byte {
		a := samples()
		f(a)
		return a.bytes()
	}
	code := func(c ...string) []byte {
		return with(func(a *asm) { a.fn("f", void, "", c...) })
	}
	for _, c := range []struct {
		name    string
		module  []byte
		section string
		reason  string
	}{
		{"empty", nil, "header", "magic and version of 8 bytes: 0 bytes are left"},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), "header", "accepted 00 61 73 6d 01 00 00 00"},
		{"unknown section", []byte("\x00asm\x01\x00\x00\x00\x0d\x01\x00"), "module", "section id 13: accepted 0…12"},
		{"section beyond the end", []byte("\x00asm\x01\x00\x00\x00\x01\x05\x00"), "type", "section of 5 bytes: 1 bytes are left"},
		{"repeated section", []byte("\x00asm\x01\x00\x00\x00\x01\x01\x00\x01\x01\x00"), "type", "out of order or repeated"},
		{"bytes after a section", []byte("\x00asm\x01\x00\x00\x00\x01\x02\x00\x00"), "type", "1 bytes after the section's end"},
		{"long number", []byte("\x00asm\x01\x00\x00\x00\x01\x06\x80\x80\x80\x80\x10\x00"), "type", "longer than 32 bits"},
		{"recursive types", with(func(a *asm) { a.types[0] = "\x4e\x01" + void }), "type", "form 0x4e: accepted 0x60"},
		{"exception reference", with(func(a *asm) { a.types[0] = "\x60\x01\x69\x00" }), "type", "value type 0x69: accepted 0x6f"},
		{"memory import", with(func(a *asm) { a.imports[0] = "\x01m\x01n\x02\x00\x01" }), "import", `import "m" "n" of kind 2: accepted 0`},
		{"import name", with(func(a *asm) { a.imports[0] = "\x01\xff\x00\x00\x00" }), "import", "not UTF-8"},
		{"function type", with(func(a *asm) { a.funcs[0] = "\x63" }), "function", "type 99: accepted below"},
		{"table initializer", with(func(a *asm) { a.tables[0] = "\x40\x00\x70\x00\x01" }), "table", "table type 0x40: accepted 0x6f, 0x70"},
		{"big table", with(func(a *asm) { a.tables[0] = "\x70\x00\x80\x80\x10" }), "table", "at least 262144 elements: at most 131072"},
		{"shared memory", with(func(a *asm) { a.memories[0] = "\x03\x01\x01" }), "memory", "limits flag 0x3: accepted 0 and 1"},
		{"memory64", with(func(a *asm) { a.memories[0] = "\x04\x01" }), "memory", "limits flag 0x4"},
		{"big memory", with(func(a *asm) { a.memories[0] = "\x00\x81\x08" }), "memory", "at least 1025 pages: at most 1024"},
		{"falling limits", with(func(a *asm) { a.memories[0] = "\x01\x03\x02" }), "memory", "3…2 pages: accepted a rising range up to 65536"},
		{"memory above 4 GiB", with(func(a *asm) { a.memories[0] = "\x01\x00\x81\x80\x04" }), "memory", "0…65537 pages: accepted a rising range"},
		{"two memories", with(func(a *asm) { a.memories = append(a.memories, "\x00\x01") }), "memory", "2 memories: at most 1"},
		{"own global before", with(func(a *asm) { a.globals[0] = "\x7f\x00\x23\x00\x0b" }), "global", "global 0: accepted below 0"},
		{"extended constant", with(func(a *asm) { a.globals[0] = "\x7f\x00" + one + one + add + end }), "global", "opcode 0x41 after a constant: accepted 0xb"},
		{"call in a constant", with(func(a *asm) { a.globals[0] = "\x7f\x00" + call(0) + end }), "global", "opcode 0x10 in a constant"},
		{"mutability", with(func(a *asm) { a.globals[0] = "\x7f\x02" + one + end }), "global", "mutability 2: accepted 0, 1"},
		{"fuel export", with(func(a *asm) { a.exports[0] = sized(FuelGlobal) + "\x00\x00" }), "export", `export "bo1_fuel": the name is reserved`},
		{"depth export", with(func(a *asm) { a.exports[0] = sized(DepthGlobal) + "\x00\x00" }), "export", `export "bo1_depth": the name is reserved`},
		{"export of the fuel", with(func(a *asm) { a.exports[0] = sized("x") + "\x03\x01" }), "export", "global 1: accepted below 1"},
		{"tag export", with(func(a *asm) { a.exports[0] = sized("x") + "\x04\x00" }), "export", "export kind 4: accepted 0…3"},
		{"start", with(func(a *asm) { a.start = "\x63" }), "start", "start function 99: accepted below"},
		{"element form", with(func(a *asm) { a.elements[0] = "\x08" }), "element", "form 8: accepted 0…7"},
		{"element type", with(func(a *asm) { a.elements[0] = "\x01\x70\x00" }), "element", "element type 0x70"},
		{"element function", with(func(a *asm) { a.elements[0] = "\x01\x00\x01\x63" }), "element", "function 99: accepted below"},
		{"data form", with(func(a *asm) { a.data[0] = "\x03" }), "data", "form 3: accepted 0…2"},
		{"data beyond", with(func(a *asm) { a.data[0] = "\x01\x70" }), "data", "data of 112 bytes: 0 bytes are left"},
		{"more bodies", with(func(a *asm) { a.bodies = append(a.bodies, a.bodies[0]) }), "code", "17 function bodies: the function section says 16"},
		{"no bodies", with(func(a *asm) { a.bodies = nil; a.data = nil; a.dataCount = false }), "element", "16 functions without a code section"},
		{"local type", with(func(a *asm) { a.fn("f", void, "\x01\x01\x63") }), "code", "local type 0x63"},

		{"fuel from inside", code("\x23\x01", drop), "code", "global 1: accepted below 1"},
		{"fuel set from inside", code("\x42\x00\x24\x01"), "code", "global 1: accepted below 1"},
		{"scratch from inside", code(zero, "\x40\x00", set0), "code", "local 0: accepted below 0"},
		{"function index", code(call(99)), "code", "function 99: accepted below 18"},
		{"label", code(br(1)), "code", "label 1: accepted below 1"},
		{"block type", code("\x02\x20"), "code", "block type 32: accepted a type index below"},
		{"typed reference block", code("\x02\x64\x70"), "code", "block type -28"},
		{"else alone", code(block, els, end), "code", "else: its block is not an if"},
		{"else twice", code(one, ifv, els, els, end), "code", "else: its block is not an if"},
		{"code after the end", code(end), "code", "1 bytes after the function's end"},
		{"no end", with(func(a *asm) { a.fn("", void, ""); a.bodies[len(a.bodies)-1] = "\x02\x00\x01" }), "code", "opcode of 1 bytes: 0 bytes are left"},
		{"memory index", code(zero, "\x40\x01", drop), "code", "memory 1: accepted 0"},
		{"memory with two bytes", code("\x3f\x80\x00", drop), "code", "memory 128: accepted 0"},
		{"multi memory", code(zero, "\x28\x40\x00\x00", drop), "code", "alignment 64: accepted below 32"},
		{"select of two", code("\x1c\x02\x7f\x7f"), "code", "select of 2 types"},

		{"tail call", code("\x12\x00"), "code", "opcode 0x12: tail calls are not accepted"},
		{"exceptions", code("\x06\x40"), "code", "opcode 0x6: exception handling is not accepted"},
		{"try_table", code("\x1f\x40\x00"), "code", "opcode 0x1f: exception handling is not accepted"},
		{"threads", code("\xfe\x03\x00"), "code", "opcode 0xfe: threads are not accepted"},
		{"collected", code("\xfb\x00\x00"), "code", "opcode 0xfb: garbage collection is not accepted"},
		{"call_ref", code("\x14\x00"), "code", "opcode 0x14: typed function references are not accepted"},
		{"relaxed SIMD", code("\xfd\x80\x02"), "code", "opcode 0xfd 0x100: accepted 0…0xff"},
		{"unassigned SIMD", code("\xfd\x9a\x01"), "code", "opcode 0xfd 0x9a"},
		{"misc", code("\xfc\x12"), "code", "opcode 0xfc 0x12: accepted 0…0x11"},
		{"long SIMD opcode", code("\xfd\x8e\x00"), "code", "opcode 0xfd 0xe in 3 bytes: accepted its shortest form"},
		{"long misc opcode", code("\xfc\x80\x00"), "code", "opcode 0xfc 0x0 in 3 bytes: accepted its shortest form"},
		{"nothing", code("\xff"), "code", "opcode 0xff: not an instruction"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, _, err := Rewrite(c.module, DefaultConfig())
			require.ErrorContains(t, err, c.reason)
			require.Nil(t, out)
			var e *Error
			require.True(t, errors.As(err, &e))
			require.Equal(t, c.section, e.Section)
			require.LessOrEqual(t, e.Offset, len(c.module))
			require.True(t, strings.HasPrefix(err.Error(), "meter: "+c.section+" section at 0x"), err.Error())
		})
	}
}

func TestErrorPoints(t *testing.T) {
	_, _, err := Rewrite([]byte("\x00asm\x01\x00\x00\x00\x05\x03\x01\x00\x7f\x06\x00"), Config{
		MaxPages: 1, Limits: DefaultConfig().Limits,
	})
	require.EqualError(t, err, "meter: memory section at 0xc: at least 127 pages: at most 1")
}

func TestConfigValidate(t *testing.T) {
	require.NoError(t, DefaultConfig().Validate())
	for want, change := range map[string]func(*Config){
		"meter: StartFuel -1: not in 0…4611686018427387904": func(c *Config) { c.StartFuel = -1 },
		"meter: MaxPages 65537: not in 0…65536":             func(c *Config) { c.MaxPages = 65537 },
		"meter: MaxElements 16777217: not in 0…16777216":    func(c *Config) { c.MaxElements = 1<<24 + 1 },
		"meter: MaxDepth -1: not in 0…2147483647":           func(c *Config) { c.MaxDepth = -1 },
		"meter: Limits.Body -5: not in 0…16777216":          func(c *Config) { c.Limits.Body = -5 },
		"meter: Limits.Locals 50000: not in 0…49999":        func(c *Config) { c.Limits.Locals = 50_000 },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		require.EqualError(t, cfg.Validate(), want)
		_, _, err := Rewrite(samples().bytes(), cfg)
		require.EqualError(t, err, want)
	}
}

// Each limit is seen to refuse a module that is within all others.
func TestEveryLimitHolds(t *testing.T) {
	module := samples().bytes()
	for name, lower := range map[string]func(*Limits){
		"Module":     func(l *Limits) { l.Module = len(module) - 1 },
		"Types":      func(l *Limits) { l.Types = 3 },
		"Params":     func(l *Limits) { l.Params = 1 },
		"Results":    func(l *Limits) { l.Results = 1 },
		"Imports":    func(l *Limits) { l.Imports = 0 },
		"Functions":  func(l *Limits) { l.Functions = 16 },
		"Tables":     func(l *Limits) { l.Tables = 0 },
		"Globals":    func(l *Limits) { l.Globals = 0 },
		"Exports":    func(l *Limits) { l.Exports = 15 },
		"Elements":   func(l *Limits) { l.Elements = 1 },
		"Segments":   func(l *Limits) { l.Segments = 0 },
		"Locals":     func(l *Limits) { l.Locals = 1 },
		"Body":       func(l *Limits) { l.Body = 10 },
		"Nesting":    func(l *Limits) { l.Nesting = 3 },
		"Loops":      func(l *Limits) { l.Loops = 0 },
		"Targets":    func(l *Limits) { l.Targets = 1 },
		"Work":       func(l *Limits) { l.Work = 10 },
		"Complexity": func(l *Limits) { l.Complexity = 50 },
		"Total":      func(l *Limits) { l.Total = 500 },
	} {
		cfg := DefaultConfig()
		lower(&cfg.Limits)
		_, _, err := Rewrite(module, cfg)
		require.ErrorContains(t, err, "at most", name)
	}
	cfg := DefaultConfig()
	cfg.Limits = Limits{
		Module: len(module), Types: 4, Params: 2, Results: 2, Imports: 1, Functions: 17, Tables: 1, Globals: 1,
		Exports: 16, Elements: 2, Segments: 1, Locals: 2, Body: 40, Nesting: 4, Loops: 1, Targets: 2, Work: 30,
		Complexity: 1000, Total: 4000,
	}
	_, _, err := Rewrite(module, cfg)
	require.NoError(t, err, "exactly at the limits")
}
