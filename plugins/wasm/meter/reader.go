package meter

import (
	"fmt"
	"unicode/utf8"
)

// An Error says where a module was refused, and why. Every refusal of [Rewrite] is one.
type Error struct {
	Offset  int    // of the offending value's first byte in the module
	Section string // "header", "type", "code", …
	Reason  string // the value and the accepted range
}

// Error returns "meter: code section at 0x1f: …".
func (e *Error) Error() string {
	return fmt.Sprintf("meter: %s section at %#x: %s", e.Section, e.Offset, e.Reason)
}

// reader reads a part of a module. Its first error stays: from then on every read returns zero
// and nothing moves, so that a run of reads is checked once at its end and loops ask ok.
type reader struct {
	b       []byte // the whole module, so that pos is the offset to report
	pos     int
	end     int // exclusive
	section string
	err     error
}

func (r *reader) ok() bool   { return r.err == nil }
func (r *reader) more() bool { return r.err == nil && r.pos < r.end }

func (r *reader) fail(at int, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: at, Section: r.section, Reason: fmt.Sprintf(format, args...)}
	}
}

// take returns the next n bytes, which still belong to the module.
func (r *reader) take(n uint32, what string) []byte {
	if !r.ok() {
		return nil
	}
	if uint64(n) > uint64(r.end-r.pos) {
		r.fail(r.pos, "%s of %d bytes: %d bytes are left", what, n, r.end-r.pos)
		return nil
	}
	r.pos += int(n)
	return r.b[r.pos-int(n) : r.pos]
}

func (r *reader) byte(what string) byte {
	if b := r.take(1, what); b != nil {
		return b[0]
	}
	return 0
}

// sub returns a reader of the next n bytes and moves past them.
func (r *reader) sub(n uint32, what string) reader {
	at := r.pos
	r.take(n, what)
	return reader{b: r.b, pos: at, end: r.pos, section: r.section, err: r.err}
}

// u32 reads an unsigned LEB128 number: at most five bytes, no bit beyond the 32nd.
func (r *reader) u32(what string) uint32 {
	at := r.pos
	var v uint32
	for shift := uint(0); shift < 35; shift += 7 {
		c := r.byte(what)
		if shift == 28 && c > 0x0f {
			break
		}
		v |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	r.fail(at, "%s: LEB128 number is longer than 32 bits", what)
	return 0
}

// signed reads a signed LEB128 number of bits 32, 33 or 64: no longer than it needs to be at most,
// and the last byte's unused bits equal the sign.
func (r *reader) signed(bits uint, what string) int64 {
	at := r.pos
	var v int64
	for shift := uint(0); shift < bits; shift += 7 {
		c := r.byte(what)
		v |= int64(c&0x7f) << shift
		if c >= 0x80 {
			continue
		}
		if shift+7 < 64 {
			v = v << (57 - shift) >> (57 - shift)
		}
		if left := bits - shift; left < 7 { // the final byte: its bits above the sign bit repeat it
			if high := int8(c<<1) >> left; high != 0 && high != -1 {
				break
			}
		}
		return v
	}
	r.fail(at, "%s: LEB128 number is longer than %d bits", what, bits)
	return 0
}

// count reads the length of a vector and refuses it above max, before anything is allocated for it.
func (r *reader) count(what string, max int) int {
	at := r.pos
	n := r.u32(what)
	if uint64(n) > uint64(max) {
		r.fail(at, "%d %s: at most %d", n, what, max)
		return 0
	}
	return int(n)
}

// index reads an index and refuses it unless it is below n.
func (r *reader) index(what string, n int) uint32 {
	at := r.pos
	i := r.u32(what)
	if r.ok() && uint64(i) >= uint64(n) {
		r.fail(at, "%s %d: accepted below %d", what, i, n)
		return 0
	}
	return i
}

func (r *reader) name(what string) string {
	at := r.pos
	b := r.take(r.u32(what), what)
	if !utf8.Valid(b) {
		r.fail(at, "%s %q: not UTF-8", what, b)
	}
	return string(b)
}

// appendSigned appends v as signed LEB128 in its shortest form.
func appendSigned(dst []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(dst, c)
		}
		dst = append(dst, c|0x80)
	}
}

// reference reads the type of a null reference.
func (r *reader) reference() {
	at := r.pos
	if t := r.byte("reference type"); !refType(t) {
		r.fail(at, "reference type %#x: accepted 0x6f, 0x70", t)
	}
}
