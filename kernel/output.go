package kernel

import (
	"math"
	"strconv"
	"time"

	"github.com/becomingone/becomingone/kernel/align"
	"github.com/becomingone/becomingone/kernel/cursor"
	"github.com/becomingone/becomingone/kernel/gate"
)

// Output is what one Input led to. Apply resets and reuses it: what it holds is valid until the next Apply.
type Output struct {
	Fields   []FieldOutput  // each field that judged, in the order of judging; one that silence changed first
	Decision *gate.Decision // the answer, where the input was a call
}

func (o *Output) reset() { o.Fields, o.Decision = o.Fields[:0], nil }

// FieldOutput is what a field said at one instant. It is a plain value. The resonances are the shrunk ones
// that the gate judges.
type FieldOutput struct {
	Field    string
	T        int64 // event time, ns
	Master   Pathway
	Emissary Pathway
	Sync     align.Joint
	LnE      float64 // e-process since the last release
	LnSR     float64 // change detector
	gate.Judgement
}

// Pathway is what Master or Emissary said.
type Pathway struct {
	T    complex128    // T~ = S/(W+n0)
	T2   float64       // |T~|²
	Nu   float64       // effective samples
	Mass float64       // W, samples
	Tau  time.Duration // of the window; Master's is the depth that it speaks from
}

// AppendJSON appends the field as one JSON object, the field line of SURFACE.md: numbers have 17
// significant digits, so the same output gives the same bytes everywhere. It allocates only to grow dst.
func (f *FieldOutput) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"t":`...)
	dst = strconv.AppendInt(dst, f.T, 10)
	dst = append(dst, `,"field":`...)
	dst = appendString(dst, f.Field)
	dst = f.Master.appendJSON(append(dst, `,"master":`...))
	dst = f.Emissary.appendJSON(append(dst, `,"emissary":`...))
	dst = append(dst, `,"sync":{"T":`...)
	dst = appendPair(dst, f.Sync.T)
	dst = number(dst, `,"T2":`, f.Sync.T2)
	dst = number(dst, `,"chord":`, f.Sync.Chord)
	dst = number(dst, `,"gap":`, f.Sync.Gap)
	dst = number(dst, `,"angle":`, f.Sync.Angle)
	dst = number(dst, `,"nu":`, f.Sync.Nu)
	dst = number(dst, `},"evidence":{"lnP_bound":`, f.LnP)
	dst = number(dst, `,"lnE":`, f.LnE)
	dst = number(dst, `,"lnSR":`, f.LnSR)
	dst = append(dst, `},"margins":{`...)
	dst = number(dst, `"effect":`, f.Margins.Effect)
	dst = number(dst, `,"evidence":`, f.Margins.Evidence)
	dst = number(dst, `,"first":`, f.Margins.First)
	dst = number(dst, `,"mass":`, f.Margins.Mass)
	dst = number(dst, `,"chord":`, f.Margins.Chord)
	dst = number(dst, `,"fresh":`, f.Margins.Fresh)
	dst = append(dst, `},"state":"`...)
	dst = append(dst, f.State.String()...)
	dst = append(dst, `","decision":"`...)
	dst = append(dst, f.State.Decision()...)
	dst = append(dst, `","reason":"`...)
	dst = f.AppendReason(dst)
	return append(dst, `"}`...)
}

// MarshalJSON is AppendJSON for encoding/json.
func (f FieldOutput) MarshalJSON() ([]byte, error) { return f.AppendJSON(nil), nil }

func (p *Pathway) appendJSON(dst []byte) []byte {
	dst = appendPair(append(dst, `{"T":`...), p.T)
	dst = number(dst, `,"T2":`, p.T2)
	dst = number(dst, `,"nu":`, p.Nu)
	dst = number(dst, `,"mass":`, p.Mass)
	dst = number(dst, `,"tau_s":`, p.Tau.Seconds())
	return append(dst, '}')
}

func appendPair(dst []byte, z complex128) []byte {
	dst = number(dst, "[", real(z))
	dst = number(dst, ",", imag(z))
	return append(dst, ']')
}

// number appends key and x; what JSON cannot say is null.
func number(dst []byte, key string, x float64) []byte {
	dst = append(dst, key...)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, x, 'g', 17, 64)
}

// appendString appends s as a JSON string: what is not printable ASCII is escaped.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r >= ' ' && r < 0x7f:
			dst = append(dst, byte(r))
		case r >= 0x10000:
			r -= 0x10000
			dst = appendEscape(appendEscape(dst, 0xd800+r>>10), 0xdc00+r&0x3ff)
		default:
			dst = appendEscape(dst, r)
		}
	}
	return append(dst, '"')
}

func appendEscape(dst []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

const outputVersion = 1

// AppendBinary appends the output in a form that is equal for equal outputs, bit for bit: a version byte,
// the fields with their floats as IEEE 754 bits, and the decision with its texts. It is what a replay
// compares; nothing reads it back.
func (o *Output) AppendBinary(dst []byte) ([]byte, error) {
	dst = cursor.Uint(append(dst, outputVersion), uint64(len(o.Fields)))
	for i := range o.Fields {
		dst = o.Fields[i].append(dst)
	}
	if o.Decision == nil {
		return append(dst, 0), nil
	}
	d := o.Decision
	dst = append(dst, 1, byte(d.Verdict))
	dst = cursor.Uint(dst, uint64(len(d.Keys)))
	for _, k := range d.Keys {
		pass := byte(0)
		if k.Pass {
			pass = 1
		}
		dst = cursor.Text(append(cursor.Text(dst, k.Name), pass), k.Need)
		dst = cursor.Uint(dst, math.Float64bits(k.Margin))
	}
	dst = cursor.Text(cursor.Text(dst, d.Reason), d.Realign)
	return cursor.Text(dst, d.QuestionID), nil
}

func (f *FieldOutput) append(dst []byte) []byte {
	dst = cursor.Uint(cursor.Text(dst, f.Field), uint64(f.T))
	for _, p := range [2]*Pathway{&f.Master, &f.Emissary} {
		dst = bits(dst, real(p.T), imag(p.T), p.T2, p.Nu, p.Mass)
		dst = cursor.Uint(dst, uint64(p.Tau))
	}
	s, m := &f.Sync, &f.Margins
	dst = bits(dst, real(s.T), imag(s.T), s.T2, s.Chord, s.Gap, s.Angle, s.Nu, f.LnP, f.LnE, f.LnSR)
	dst = bits(dst, m.Effect, m.Evidence, m.First, m.Mass, m.Chord, m.Fresh)
	changed := byte(0)
	if f.Changed {
		changed = 1
	}
	return append(dst, byte(f.State), byte(f.Reason), changed)
}

func bits(dst []byte, xs ...float64) []byte {
	for _, x := range xs {
		dst = cursor.Uint(dst, math.Float64bits(x))
	}
	return dst
}
