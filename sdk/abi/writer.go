package abi

import (
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
)

// writer appends one JSON text to b. The first fault sticks.
type writer struct {
	b     []byte
	comma bool // whether the next field or item needs one
	err   error
}

func encode(what string, dst []byte, value func(w *writer)) ([]byte, error) {
	w := &writer{b: dst}
	value(w)
	if w.err != nil {
		return dst, errors.New("abi: encode " + what + ": " + w.err.Error())
	}
	return w.b, nil
}

func (w *writer) fail(msg string) {
	if w.err == nil {
		w.err = errors.New(msg)
	}
}

func (w *writer) sep() {
	if w.comma {
		w.b = append(w.b, ',')
	}
	w.comma = true
}

func (w *writer) open(c byte) {
	w.b = append(w.b, c)
	w.comma = false
}

func (w *writer) shut(c byte) {
	w.b = append(w.b, c)
	w.comma = true
}

// name begins a field; names are the package's own and need no escaping.
func (w *writer) name(s string) {
	w.sep()
	w.b = append(w.b, '"')
	w.b = append(w.b, s...)
	w.b = append(w.b, '"', ':')
}

func (w *writer) object(fields func()) {
	w.open('{')
	fields()
	w.shut('}')
}

func (w *writer) array(field string, n, limit int, item func(i int)) {
	if n > limit {
		w.fail(field + ": " + strconv.Itoa(n) + " items, want at most " + strconv.Itoa(limit))
		return
	}
	w.name(field)
	w.open('[')
	for i := range n {
		w.sep()
		item(i)
	}
	w.shut(']')
}

func (w *writer) text(field, s string) {
	w.name(field)
	w.quoted(s)
}

// opt is text that is left out when empty.
func (w *writer) opt(field, s string) {
	if s != "" {
		w.text(field, s)
	}
}

func (w *writer) int(field string, v int64) {
	w.name(field)
	w.b = strconv.AppendInt(w.b, v, 10)
}

func (w *writer) uint(field string, v uint64) {
	w.name(field)
	w.b = strconv.AppendUint(w.b, v, 10)
}

func (w *writer) float(field string, v float64) {
	w.name(field)
	w.number(field, v)
}

func (w *writer) complex(field string, v [2]float64) {
	w.name(field)
	w.pair(field, v)
}

func (w *writer) pair(field string, v [2]float64) {
	w.b = append(w.b, '[')
	w.number(field, v[0])
	w.b = append(w.b, ',')
	w.number(field, v[1])
	w.b = append(w.b, ']')
}

func (w *writer) number(field string, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		w.fail(field + ": not finite, which JSON cannot say")
		return
	}
	w.b = strconv.AppendFloat(w.b, v, 'g', -1, 64)
}

func (w *writer) flag(field string, v *bool) {
	if v != nil {
		w.name(field)
		w.b = strconv.AppendBool(w.b, *v)
	}
}

// raw appends v if there is one, after holding it to the grammar: a broken value would break the
// whole message.
func (w *writer) raw(field string, v Raw) {
	if len(v) == 0 {
		return
	}
	if err := decode(field, v, (*reader).skip); err != nil {
		w.fail(err.Error())
		return
	}
	w.name(field)
	w.b = append(w.b, v...)
}

func (w *writer) quoted(s string) {
	const hexDigits = "0123456789abcdef"
	w.b = append(w.b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			v, n := utf8.DecodeRuneInString(s[i:])
			if v == utf8.RuneError && n == 1 {
				w.b = append(append(w.b, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += n
			continue
		}
		w.b = append(w.b, s[start:i]...)
		switch c {
		case '"', '\\':
			w.b = append(w.b, '\\', c)
		case '\n':
			w.b = append(w.b, '\\', 'n')
		case '\t':
			w.b = append(w.b, '\\', 't')
		default:
			w.b = append(w.b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	w.b = append(append(w.b, s[start:]...), '"')
}
