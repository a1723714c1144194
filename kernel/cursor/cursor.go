// Package cursor appends and reads fields that carry their length, and trusts no length that it reads.
//
// Integers are little-endian in 8 bytes, a byte is a byte, text is its length as an integer and its bytes.
package cursor

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrShort says that the input ends inside a field.
var ErrShort = errors.New("input ends early")

// Text appends the length of s and its bytes.
func Text[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(Uint(dst, uint64(len(s))), s...)
}

// Uint appends v.
func Uint(dst []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(dst, v) }

// Reader reads fields one after another. After its first error it returns zeros; the error stays.
type Reader struct {
	rest []byte
	err  error
}

// New returns a reader of b, which it does not change.
func New(b []byte) *Reader { return &Reader{rest: b} }

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Fail makes err the first error where there is none yet.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Rest returns what has not been read. It shares memory with the input.
func (r *Reader) Rest() []byte { return r.rest }

func (r *Reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.rest) {
		r.err = fmt.Errorf("cursor: read %d bytes of %d: %w", n, len(r.rest), ErrShort)
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Bool reads one byte that is 0 or 1.
func (r *Reader) Bool() bool {
	b := r.Byte()
	if b > 1 {
		r.Fail(fmt.Errorf("cursor: bool %d: not 0 or 1", b))
	}
	return b == 1
}

// Uint reads an integer.
func (r *Reader) Uint() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Int reads an integer that was appended as the bits of an int64.
func (r *Reader) Int() int64 { return int64(r.Uint()) }

// Len reads a count in 0…limit of things that take size bytes each at least, so that what it announces
// is there to be read.
func (r *Reader) Len(limit, size int) int {
	n := r.Uint()
	switch {
	case r.err != nil:
		return 0
	case n > uint64(limit):
		r.Fail(fmt.Errorf("cursor: count %d: not in 0…%d", n, limit))
		return 0
	case int(n)*size > len(r.rest):
		r.Fail(fmt.Errorf("cursor: count %d: %w", n, ErrShort))
		return 0
	}
	return int(n)
}

// Bytes reads up to limit bytes. They share memory with the input.
func (r *Reader) Bytes(limit int) []byte { return r.take(r.Len(limit, 1)) }

// Text reads up to limit bytes as text of its own.
func (r *Reader) Text(limit int) string { return string(r.Bytes(limit)) }
