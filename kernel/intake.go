package kernel

import (
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/cursor"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/phase"
)

// The bounds of an input's binary form.
const (
	MaxText      = 1 << 20  // bytes of one text
	MaxArguments = 16 << 20 // bytes of one call's arguments
	MaxSource    = 4096     // bytes of a text's source
	MaxSignals   = 256      // fields that one call requires
)

const (
	inputVersion = 1
	maxQuestion  = 64 // bytes of a question's id
)

// AppendBinary appends the input in its recorded form, version 1. Integers are little-endian in 8 bytes,
// floats their IEEE 754 bits in 8, texts a length and their bytes, lists a length and their elements:
//
//	version   byte, 1
//	kind      byte, 1 sample, 2 text, 3 call, 4 tick, 5 close, 6 answer
//	at        integer
//	1 sample  channel text · t integer · form byte · x list of float pairs · r list of floats ·
//	          y list of float pairs · yr list of floats
//	2 text    session text · trust byte · source text · body text
//	3 call    session text · id integer · origin byte · field text · action text · effect byte ·
//	          signal list of texts · mesh byte; 1: coherence float · peers integer · arguments text
//	4 tick    nothing
//	5 close   session text
//	6 answer  session text · question text · yes byte · until integer
//
// Names are at most 256 bytes, samples 4096 values a list, and texts as the constants above say; an input
// beyond that is an error, and nothing is appended. Parts that its kind does not carry are not written.
func (in *Input) AppendBinary(dst []byte) ([]byte, error) {
	if err := in.validate(); err != nil {
		return dst, err
	}
	dst = cursor.Uint(append(dst, inputVersion, byte(in.Kind)), uint64(in.At))
	switch in.Kind {
	case KindSample:
		return in.appendSample(dst), nil
	case KindText:
		dst = append(cursor.Text(dst, in.Session), byte(in.Text.Trust))
		return cursor.Text(cursor.Text(dst, in.Text.Source), in.Text.Body), nil
	case KindCall:
		return in.Call.append(dst), nil
	case KindClose:
		return cursor.Text(dst, in.Session), nil
	case KindAnswer:
		return in.Answer.append(cursor.Text(dst, in.Session)), nil
	}
	return dst, nil
}

func (a *Answer) append(dst []byte) []byte {
	yes := byte(0)
	if a.Yes {
		yes = 1
	}
	return cursor.Uint(append(cursor.Text(dst, a.Question), yes), uint64(a.Until))
}

func (in *Input) appendSample(dst []byte) []byte {
	s := &in.Sample
	dst = append(cursor.Uint(cursor.Text(dst, in.Channel), uint64(s.T)), byte(s.Form))
	dst = appendFloats(appendComplexes(dst, s.X), s.R)
	return appendFloats(appendComplexes(dst, s.Y), s.YR)
}

func appendComplexes(dst []byte, z []complex128) []byte {
	dst = cursor.Uint(dst, uint64(len(z)))
	for _, v := range z {
		dst = bits(dst, real(v), imag(v))
	}
	return dst
}

func appendFloats(dst []byte, x []float64) []byte {
	return bits(cursor.Uint(dst, uint64(len(x))), x...)
}

func (c *Call) append(dst []byte) []byte {
	dst = append(cursor.Uint(cursor.Text(dst, c.Session), c.ID), byte(c.Origin))
	dst = append(cursor.Text(cursor.Text(dst, c.Field), c.Action), byte(c.Effect))
	dst = cursor.Uint(dst, uint64(len(c.Requires.Signal)))
	for _, s := range c.Requires.Signal {
		dst = cursor.Text(dst, s)
	}
	if m := c.Requires.Mesh; m != nil {
		dst = cursor.Uint(bits(append(dst, 1), m.Coherence), uint64(int64(m.Peers)))
	} else {
		dst = append(dst, 0)
	}
	return cursor.Text(dst, c.Arguments)
}

// DecodeInput reads one input from the front of b and returns what lies behind it. What it returns shares
// no memory with b, and appends to the same bytes again.
func DecodeInput(b []byte) (in Input, rest []byte, err error) {
	r := cursor.New(b)
	if v := r.Byte(); v != inputVersion {
		r.Fail(fmt.Errorf("version %d: not %d", v, inputVersion))
	}
	in.Kind, in.At = Kind(r.Byte()), r.Int()
	switch in.Kind {
	case KindSample:
		in.readSample(r)
	case KindText:
		in.Session, in.Text.Trust = r.Text(maxName), Trust(r.Byte())
		in.Text.Source, in.Text.Body = r.Text(MaxSource), r.Text(MaxText)
	case KindCall:
		in.Call.read(r)
	case KindTick:
	case KindClose:
		in.Session = r.Text(maxName)
	case KindAnswer:
		in.Session = r.Text(maxName)
		in.Answer = Answer{Question: r.Text(maxQuestion), Yes: r.Bool(), Until: r.Int()}
	}
	if r.Err() == nil {
		r.Fail(in.validate())
	}
	if r.Err() != nil {
		return Input{}, b, fmt.Errorf("kernel: decode input: %w", r.Err())
	}
	return in, r.Rest(), nil
}

func (in *Input) readSample(r *cursor.Reader) {
	s := &in.Sample
	in.Channel, s.T, s.Form = r.Text(maxName), r.Int(), phase.Form(r.Byte())
	s.X, s.R = readComplexes(r), readFloats(r)
	s.Y, s.YR = readComplexes(r), readFloats(r)
}

func readComplexes(r *cursor.Reader) []complex128 {
	n := r.Len(maxDims, 16)
	if n == 0 {
		return nil
	}
	z := make([]complex128, n)
	for i := range z {
		z[i] = complex(readFloat(r), readFloat(r))
	}
	return z
}

func readFloats(r *cursor.Reader) []float64 {
	n := r.Len(maxDims, 8)
	if n == 0 {
		return nil
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = readFloat(r)
	}
	return x
}

func (c *Call) read(r *cursor.Reader) {
	c.Session, c.ID, c.Origin = r.Text(maxName), r.Uint(), Origin(r.Byte())
	c.Field, c.Action, c.Effect = r.Text(maxName), r.Text(maxName), gate.Effect(r.Byte())
	for range r.Len(MaxSignals, 8) {
		c.Requires.Signal = append(c.Requires.Signal, r.Text(maxName))
	}
	if r.Bool() {
		c.Requires.Mesh = &gate.Mesh{Coherence: readFloat(r), Peers: int(r.Int())}
	}
	if b := r.Bytes(MaxArguments); len(b) > 0 {
		c.Arguments = append([]byte(nil), b...)
	}
}

// bound is a part of an input whose size or number has a limit.
type bound struct {
	name      string
	size, max int
}

func within(bounds ...bound) error {
	for _, b := range bounds {
		if b.size > b.max {
			return fmt.Errorf("kernel: input %s: %d, not in 0…%d", b.name, b.size, b.max)
		}
	}
	return nil
}

// validate names the part that is beyond its bound. It allocates nothing unless it fails.
func (in *Input) validate() error {
	switch s, t := &in.Sample, &in.Text; in.Kind {
	case KindSample:
		return within(bound{"channel", len(in.Channel), maxName},
			bound{"sample.x", len(s.X), maxDims}, bound{"sample.r", len(s.R), maxDims},
			bound{"sample.y", len(s.Y), maxDims}, bound{"sample.yr", len(s.YR), maxDims})
	case KindText:
		return within(bound{"session", len(in.Session), maxName}, bound{"text.trust", int(t.Trust), int(Trusted)},
			bound{"text.source", len(t.Source), MaxSource}, bound{"text.body", len(t.Body), MaxText})
	case KindCall:
		return in.Call.validate()
	case KindClose:
		return within(bound{"session", len(in.Session), maxName})
	case KindAnswer:
		return in.validateAnswer()
	case KindTick:
		return nil
	}
	return fmt.Errorf("kernel: input kind %d: not in 1…6", in.Kind)
}

func (in *Input) validateAnswer() error {
	a := &in.Answer
	if err := within(bound{"session", len(in.Session), maxName}, bound{"answer.question", len(a.Question), maxQuestion}); err != nil {
		return err
	}
	if a.Until < 0 || !a.Yes && a.Until != 0 {
		return fmt.Errorf("kernel: input answer.until %d ns: not 0 with a no, else 0 or more", a.Until)
	}
	return nil
}

func (c *Call) validate() error {
	err := within(bound{"call.session", len(c.Session), maxName}, bound{"call.field", len(c.Field), maxName},
		bound{"call.origin", int(c.Origin), int(FromField)}, bound{"call.action", len(c.Action), maxName},
		bound{"call.effect", int(c.Effect), int(gate.Critical)},
		bound{"call.requires.signal", len(c.Requires.Signal), MaxSignals},
		bound{"call.arguments", len(c.Arguments), MaxArguments})
	for _, s := range c.Requires.Signal {
		if err == nil {
			err = within(bound{"call.requires.signal", len(s), maxName})
		}
	}
	if err != nil {
		return err
	}
	if m := c.Requires.Mesh; m != nil && (m.Peers < 1 || m.Peers > math.MaxInt32 || !(m.Coherence > 0 && m.Coherence <= 1)) {
		return fmt.Errorf("kernel: input call.requires.mesh: %d peers, coherence %v: not 1 or more, (0, 1]", m.Peers, m.Coherence)
	}
	return nil
}
