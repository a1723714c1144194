// Package state writes and reads the little-endian state of the kernel's parts.
//
// A part's state is a tag byte and a version byte, then its fields in order without padding: integers in
// 8 bytes, floats as their IEEE 754 bits in 8, complex numbers as two floats, slices as a length and their
// elements. What a part can derive from its config is not written; the owner guards the config.
package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrShort reports that a state ends before its last field.
var ErrShort = errors.New("state: input ends early")

// Head appends the tag and version that open a part's state.
func Head(dst []byte, tag, version byte) []byte { return append(dst, tag, version) }

// Int appends v.
func Int(dst []byte, v int64) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(v)) }

// Uint appends v.
func Uint(dst []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(dst, v) }

// Bool appends v as 0 or 1 in one byte.
func Bool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// Float appends the bits of v.
func Float(dst []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
}

// Floats appends each v.
func Floats(dst []byte, v ...float64) []byte {
	for _, x := range v {
		dst = Float(dst, x)
	}
	return dst
}

// Complex appends the two parts of v.
func Complex(dst []byte, v complex128) []byte { return Floats(dst, real(v), imag(v)) }

// Complexes appends each v.
func Complexes(dst []byte, v ...complex128) []byte {
	for _, x := range v {
		dst = Complex(dst, x)
	}
	return dst
}

// Reader reads what the functions above wrote. After its first error it returns zeros; the error stays.
type Reader struct {
	buf []byte
	err error
}

// Open returns a reader behind the tag and version that open b; others than these two are an error.
func Open(b []byte, tag, version byte) *Reader {
	r := &Reader{buf: b}
	if h := r.take(2); h != nil && (h[0] != tag || h[1] != version) {
		r.err = fmt.Errorf("state: tag %#x version %d: want tag %#x version %d", h[0], h[1], tag, version)
	}
	return r
}

func (r *Reader) take(n int) []byte {
	if r.err == nil && len(r.buf) < n {
		r.err = ErrShort
	}
	if r.err != nil {
		return nil
	}
	b := r.buf[:n]
	r.buf = r.buf[n:]
	return b
}

// Int reads an integer.
func (r *Reader) Int() int64 { return int64(r.Uint()) }

// Uint reads an unsigned integer.
func (r *Reader) Uint() uint64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

// Len reads an unsigned integer of at most limit.
func (r *Reader) Len(limit int) int {
	n := r.Uint()
	if n > uint64(limit) {
		r.Fail(fmt.Errorf("state: length %d: not in 0…%d", n, limit))
		return 0
	}
	return int(n)
}

// Bool reads one byte, which must be 0 or 1.
func (r *Reader) Bool() bool {
	b := r.take(1)
	if b == nil {
		return false
	}
	if b[0] > 1 {
		r.Fail(fmt.Errorf("state: boolean %d: not 0 or 1", b[0]))
	}
	return b[0] == 1
}

// Float reads a float, which must be finite: no state of ours holds another.
func (r *Reader) Float() float64 {
	v := math.Float64frombits(r.Uint())
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.Fail(fmt.Errorf("state: float %v: not finite", v))
		return 0
	}
	return v
}

// Floats reads one float into each dst.
func (r *Reader) Floats(dst ...*float64) {
	for _, p := range dst {
		*p = r.Float()
	}
}

// Complex reads a complex number of finite parts.
func (r *Reader) Complex() complex128 {
	re := r.Float()
	return complex(re, r.Float())
}

// Complexes fills dst.
func (r *Reader) Complexes(dst []complex128) {
	for i := range dst {
		dst[i] = r.Complex()
	}
}

// Rest returns what has not been read and ends the reader.
func (r *Reader) Rest() []byte {
	b := r.buf
	r.buf = nil
	return b
}

// Fail records err as the reader's error, if it is the first.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Close returns the first error; bytes that were not read are one.
func (r *Reader) Close() error {
	if r.err == nil && len(r.buf) > 0 {
		r.err = fmt.Errorf("state: %d bytes behind the last field", len(r.buf))
	}
	return r.err
}
