package abi

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// reader reads one JSON text. The first fault sticks: every later read returns a zero value, so a
// decoder is straight-line code and asks once at the end.
type reader struct {
	b     []byte
	i     int
	depth int
	err   error
}

func decode(what string, b []byte, value func(r *reader)) error {
	r := &reader{b: b}
	value(r)
	r.space()
	if r.err == nil && r.i != len(b) {
		r.fail("more after the end of the value")
	}
	if r.err != nil {
		return errors.New("abi: decode " + what + ": byte " + strconv.Itoa(r.i) + ": " + r.err.Error())
	}
	return nil
}

func (r *reader) fail(msg string) {
	if r.err == nil {
		r.err = errors.New(msg)
	}
}

func (r *reader) space() {
	for r.i < len(r.b) && (r.b[r.i] == ' ' || r.b[r.i] == '\n' || r.b[r.i] == '\t' || r.b[r.i] == '\r') {
		r.i++
	}
}

// peek skips space and returns the next byte, or 0 at the end and after a fault.
func (r *reader) peek() byte {
	if r.err != nil {
		return 0
	}
	r.space()
	if r.i >= len(r.b) {
		return 0
	}
	return r.b[r.i]
}

// accept skips space and takes c if it comes next.
func (r *reader) accept(c byte) bool {
	if r.peek() != c {
		return false
	}
	r.i++
	return true
}

func (r *reader) word(s string) bool {
	if r.err == nil && len(r.b)-r.i >= len(s) && string(r.b[r.i:r.i+len(s)]) == s {
		r.i += len(s)
		return true
	}
	return false
}

func (r *reader) null() bool { return r.peek() == 'n' && r.word("null") }

func (r *reader) enter() bool {
	r.depth++
	if r.depth > MaxDepth {
		r.fail("nested deeper than " + strconv.Itoa(MaxDepth))
	}
	return r.err == nil
}

// object reads an object or null; field must read or skip each value.
func (r *reader) object(field func(name string)) {
	if r.null() {
		return
	}
	if !r.accept('{') {
		r.fail("want an object")
		return
	}
	if !r.enter() {
		return
	}
	for more := !r.accept('}'); more && r.err == nil; {
		name := r.quoted()
		if !r.accept(':') {
			r.fail("want ':' after a field's name")
		}
		if r.err != nil {
			return
		}
		field(name)
		switch {
		case r.accept(','):
		case r.accept('}'):
			more = false
		default:
			r.fail("want ',' or '}' in an object")
		}
	}
	r.depth--
}

// array reads an array or null of at most limit items.
func (r *reader) array(limit int, item func(i int)) {
	if r.null() {
		return
	}
	if !r.accept('[') {
		r.fail("want an array")
		return
	}
	if !r.enter() {
		return
	}
	for i, more := 0, !r.accept(']'); more && r.err == nil; i++ {
		if i == limit {
			r.fail("more than " + strconv.Itoa(limit) + " items")
			return
		}
		item(i)
		switch {
		case r.accept(','):
		case r.accept(']'):
			more = false
		default:
			r.fail("want ',' or ']' in an array")
		}
	}
	r.depth--
}

func (r *reader) text() string {
	if r.null() {
		return ""
	}
	return r.quoted()
}

func (r *reader) flag() bool {
	switch r.peek() {
	case 't':
		if r.word("true") {
			return true
		}
	case 'f':
		if r.word("false") {
			return false
		}
	case 'n':
		if r.word("null") {
			return false
		}
	}
	r.fail("want true or false")
	return false
}

// optional reads a flag that may be absent.
func (r *reader) optional() *bool {
	if r.null() {
		return nil
	}
	v := r.flag()
	return &v
}

// number takes the bytes of a number in JSON's grammar; nil is null or a fault.
func (r *reader) number() []byte {
	if r.null() {
		return nil
	}
	r.peek()
	start := r.i
	r.one('-')
	if !r.one('0') && !r.digits() {
		r.fail("want a number")
		return nil
	}
	if r.one('.') && !r.digits() {
		r.fail("want digits after '.'")
	}
	if r.one('e') || r.one('E') {
		_ = r.one('+') || r.one('-')
		if !r.digits() {
			r.fail("want digits in an exponent")
		}
	}
	if r.err != nil {
		return nil
	}
	return r.b[start:r.i]
}

func (r *reader) one(c byte) bool {
	if r.err != nil || r.i >= len(r.b) || r.b[r.i] != c {
		return false
	}
	r.i++
	return true
}

func (r *reader) digits() bool {
	start := r.i
	for r.err == nil && r.i < len(r.b) && r.b[r.i] >= '0' && r.b[r.i] <= '9' {
		r.i++
	}
	return r.i > start
}

func (r *reader) float() float64 {
	n := r.number()
	if n == nil {
		return 0
	}
	v, err := strconv.ParseFloat(string(n), 64)
	if err != nil {
		r.fail("number " + string(n) + " out of the range of a float64")
	}
	return v
}

func (r *reader) int() int64 {
	n := r.number()
	if n == nil {
		return 0
	}
	v, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil {
		r.fail("number " + string(n) + " is no integer in -2^63…2^63-1")
	}
	return v
}

func (r *reader) uint() uint64 {
	n := r.number()
	if n == nil {
		return 0
	}
	v, err := strconv.ParseUint(string(n), 10, 64)
	if err != nil {
		r.fail("number " + string(n) + " is no integer in 0…2^64-1")
	}
	return v
}

// raw takes one value as it stands; null is nil.
func (r *reader) raw() Raw {
	if r.null() {
		return nil
	}
	r.peek()
	start := r.i
	r.skip()
	if r.err != nil {
		return nil
	}
	return r.b[start:r.i:r.i]
}

// skip passes over one value of any kind, holding it to the grammar.
func (r *reader) skip() {
	switch c := r.peek(); {
	case c == '{':
		r.object(func(string) { r.skip() })
	case c == '[':
		r.array(len(r.b), func(int) { r.skip() })
	case c == '"':
		r.quoted()
	case c == 't' || c == 'f':
		r.flag()
	case c == 'n':
		if !r.null() {
			r.fail("want a value")
		}
	default:
		r.number()
	}
}

// quoted reads a string. Escaped lone surrogates and bytes that are no UTF-8 become U+FFFD.
func (r *reader) quoted() string {
	if !r.accept('"') {
		r.fail("want a string")
		return ""
	}
	start := r.i
	for ; r.i < len(r.b); r.i++ {
		switch c := r.b[r.i]; {
		case c == '"':
			r.i++
			return string(r.b[start : r.i-1])
		case c == '\\' || c >= utf8.RuneSelf:
			return r.decoded(append(make([]byte, 0, r.i-start+16), r.b[start:r.i]...))
		case c < ' ':
			r.fail("control character in a string")
			return ""
		}
	}
	r.fail("string without an end")
	return ""
}

// decoded reads the rest of a string that needs more than copying.
func (r *reader) decoded(s []byte) string {
	for r.err == nil && r.i < len(r.b) {
		switch c := r.b[r.i]; {
		case c == '"':
			r.i++
			return string(s)
		case c == '\\':
			r.i++
			s = r.escape(s)
		case c < ' ':
			r.fail("control character in a string")
		case c < utf8.RuneSelf:
			s = append(s, c)
			r.i++
		default:
			v, n := utf8.DecodeRune(r.b[r.i:])
			s = utf8.AppendRune(s, v)
			r.i += n
		}
	}
	r.fail("string without an end")
	return ""
}

func (r *reader) escape(s []byte) []byte {
	if r.i >= len(r.b) {
		r.fail("string without an end")
		return s
	}
	c := r.b[r.i]
	r.i++
	switch c {
	case '"', '\\', '/':
		return append(s, c)
	case 'b':
		return append(s, '\b')
	case 'f':
		return append(s, '\f')
	case 'n':
		return append(s, '\n')
	case 'r':
		return append(s, '\r')
	case 't':
		return append(s, '\t')
	case 'u':
		return utf8.AppendRune(s, r.unicode())
	}
	r.fail("unknown escape in a string")
	return s
}

// unicode reads what follows \u, and the second half of a surrogate pair if there is one.
func (r *reader) unicode() rune {
	v := r.hex()
	if !utf16.IsSurrogate(v) {
		return v
	}
	back := r.i
	if r.one('\\') && r.one('u') {
		if pair := utf16.DecodeRune(v, r.hex()); pair != utf8.RuneError || r.err != nil {
			return pair
		}
	}
	r.i = back
	return utf8.RuneError
}

func (r *reader) hex() rune {
	if len(r.b)-r.i < 4 {
		r.fail("want 4 hexadecimal digits after \\u")
		return utf8.RuneError
	}
	v, err := strconv.ParseUint(string(r.b[r.i:r.i+4]), 16, 16)
	if err != nil {
		r.fail("want 4 hexadecimal digits after \\u")
		return utf8.RuneError
	}
	r.i += 4
	return rune(v)
}
