package wasm_test

import (
	"encoding/binary"

	"github.com/becomingone/becomingone/sdk/abi"
)

// guest assembles a small bo1 module by hand, so that a test says exactly what is hostile in it.
// The zero value plus describe() is a well-behaved action plugin "raw" with the action "echo",
// whose answer is its whole input as structured output.
type guest struct {
	imports  []hostImport
	memory   []byte // limits; nil: min 1, no max
	alloc    []byte // body of bo1_alloc(n) -> ptr; nil: always 1024
	call     []byte // body of bo1_call(op, ptr, len) for every op but 0; nil: answers the input
	describe []byte // answer to op 0; nil: describeEcho
	start    []byte // body of a start function
	init     []byte // body of _initialize
	without  string // an export that is left out
	callType []byte // of bo1_call; nil: the ABI's
	memories int    // -1: none
}

type hostImport struct{ module, name string }

const (
	answerAt = 64 << 10 // where the description stands
	inputAt  = 1024     // where the input goes; the byte before it is 0, an ok status
)

func describeEcho() []byte {
	d := abi.Description{Kind: abi.KindAction, Name: "raw", Version: "1", ABI: abi.Version, Actions: []abi.Action{{Name: "echo"}}}
	b, err := d.Append([]byte{abi.StatusOK})
	if err != nil {
		panic(err)
	}
	return b
}

func uleb(v uint64) []byte { return binary.AppendUvarint(nil, v) }

func sleb(v int64) (b []byte) {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func cat(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func vec(items ...[]byte) []byte { return cat(uleb(uint64(len(items))), cat(items...)) }

func str(s string) []byte { return cat(uleb(uint64(len(s))), []byte(s)) }

func section(id byte, body []byte) []byte {
	return cat([]byte{id}, uleb(uint64(len(body))), body)
}

// Instructions.
func i32c(v int64) []byte { return cat([]byte{0x41}, sleb(v)) }
func i64c(v int64) []byte { return cat([]byte{0x42}, sleb(v)) }

// packed answers n bytes at ptr.
func packed(ptr, n uint32) []byte { return i64c(int64(uint64(ptr)<<32 | uint64(n))) }

// loop runs body for ever.
func loop(body ...[]byte) []byte {
	return cat([]byte{0x03, 0x40}, cat(body...), []byte{0x0c, 0x00, 0x0b}, []byte{0x00})
}

// echo answers an ok status and the input: the byte before the input is 0.
func echo() []byte {
	return cat(i64c((inputAt-1)<<32|1), []byte{0x20, 0x02, 0xad, 0x7c}) // … + u64(len)
}

func (g guest) bytes() []byte {
	if g.describe == nil {
		g.describe = describeEcho()
	}
	or := func(b, otherwise []byte) []byte {
		if b == nil {
			return otherwise
		}
		return b
	}
	callType := or(g.callType, []byte{0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7e})
	types := vec([]byte{0x60, 1, 0x7f, 1, 0x7f}, callType, []byte{0x60, 0, 0}, []byte{0x60, 2, 0x7f, 0x7f, 0})
	var imports [][]byte
	for _, im := range g.imports {
		imports = append(imports, cat(str(im.module), str(im.name), []byte{0, 3}))
	}
	n := uint64(len(imports))
	dispatch := cat([]byte{0x20, 0x00, 0x45, 0x04, 0x40}, packed(answerAt, uint32(len(g.describe))), []byte{0x0f, 0x0b}, or(g.call, echo()))
	if g.callType != nil {
		dispatch = g.call
	}
	body := func(code []byte) []byte {
		code = cat([]byte{0}, code, []byte{0x0b})
		return cat(uleb(uint64(len(code))), code)
	}
	exports := [][]byte{}
	export := func(name string, kind byte, index uint64) {
		if name != g.without {
			exports = append(exports, cat(str(name), []byte{kind}, uleb(index)))
		}
	}
	if g.memories == 0 {
		export(abi.ExportMemory, 2, 0)
	}
	export(abi.ExportAlloc, 0, n)
	export(abi.ExportCall, 0, n+1)
	if g.init != nil {
		export(abi.ExportInitialize, 0, n+3)
	}
	b := cat([]byte("\x00asm\x01\x00\x00\x00"), section(1, types))
	if n > 0 {
		b = cat(b, section(2, vec(imports...)))
	}
	b = cat(b, section(3, vec([]byte{0}, []byte{1}, []byte{2}, []byte{2})))
	if g.memories == 0 {
		b = cat(b, section(5, vec(or(g.memory, []byte{0, 2}))))
	}
	b = cat(b, section(7, vec(exports...)))
	if g.start != nil {
		b = cat(b, section(8, uleb(n+2)))
	}
	b = cat(b, section(10, vec(body(or(g.alloc, i32c(inputAt))), body(dispatch), body(g.start), body(g.init))))
	if g.memories == 0 {
		b = cat(b, section(11, vec(cat([]byte{0}, i32c(answerAt), []byte{0x0b}, uleb(uint64(len(g.describe))), g.describe))))
	}
	return b
}
