// Package source reads signals: NDJSON lines from anywhere, and recorded files played back in time.
package source

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/phase"
)

// Bounds of one line. They keep a hostile file from costing more memory than itself.
const (
	MaxLine = 1 << 20 // bytes of one line
	MaxDims = 4096    // values of one sample
	MaxName = 256     // bytes of a channel's name
)

// Line is one line of a signal file: a sample of a channel, or something that was said.
type Line struct {
	Number  int          // from 1
	Channel string       // "default" where the line names none
	Sample  phase.Sample // valid where Text is nil; its slices belong to the caller
	Text    *string
	Trust   kernel.Trust
}

// LineError says what is wrong with one line: the field, the value and what would be accepted.
type LineError struct {
	Line   int    `json:"line"`
	Field  string `json:"field,omitempty"`
	Value  string `json:"value,omitempty"`
	Accept string `json:"accept"`
}

// Error names the line first, so that an editor can jump to it.
func (e *LineError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Accept)
	}
	return fmt.Sprintf("line %d: %s = %s: want %s", e.Line, e.Field, e.Value, e.Accept)
}

// Reader yields the lines of an NDJSON signal file.
type Reader struct {
	in      *bufio.Reader
	number  int
	channel string
}

// NewReader reads lines from r. channel is given to lines that name none; "" means "default".
func NewReader(r io.Reader, channel string) *Reader {
	if channel == "" {
		channel = "default"
	}
	return &Reader{in: bufio.NewReaderSize(r, 64<<10), channel: channel}
}

// Next returns the next line. A *LineError concerns that line only and reading may go on;
// io.EOF ends the file; any other error is the file's.
func (r *Reader) Next() (Line, error) {
	for {
		raw, err := r.line()
		if err != nil {
			return Line{}, err
		}
		if len(bytes.TrimSpace(raw)) == 0 {
			continue
		}
		return Parse(raw, r.number, r.channel)
	}
}

// line reads one physical line of at most MaxLine bytes; a longer one is skipped whole and reported.
func (r *Reader) line() ([]byte, error) {
	r.number++
	var line []byte
	tooLong := false
	for {
		part, err := r.in.ReadSlice('\n')
		if tooLong = tooLong || len(line)+len(part) > MaxLine; !tooLong {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		switch {
		case tooLong && (err == nil || errors.Is(err, io.EOF)):
			return nil, &LineError{Line: r.number, Accept: fmt.Sprintf("longer than %d bytes", MaxLine)}
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("source: read line %d: %w", r.number, err)
		}
		return line, err
	}
}

// rawLine is the shape of a line before its numbers are read.
type rawLine struct {
	T     *json.Number    `json:"t"`
	Ch    *string         `json:"ch"`
	U     json.RawMessage `json:"u"`
	X     json.RawMessage `json:"x"`
	Phase json.RawMessage `json:"phase"`
	Event json.RawMessage `json:"event"`
	Text  *string         `json:"text"`
	Y     json.RawMessage `json:"y"`
	Trust *string         `json:"trust"`
}

// Parse reads one line, which is number in its file; channel is its channel where it names none. An
// error is a *LineError. The line keeps nothing of raw.
func Parse(raw []byte, number int, channel string) (Line, error) {
	out := Line{Number: number, Channel: channel}
	in, err := decode(raw)
	if err == nil {
		err = in.head(&out)
	}
	if err == nil && in.Text != nil {
		out.Text = in.Text
		return out, nil
	}
	if err == nil {
		out.Sample, err = in.timed()
	}
	if err != nil {
		err.Line = number
		return Line{}, err
	}
	return out, nil
}

func decode(raw []byte) (in rawLine, bad *LineError) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return in, &LineError{Accept: jsonComplaint(err)}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return in, &LineError{Accept: "one JSON object a line"}
	}
	return in, nil
}

// head reads what every form has: the channel, the trust, and that there is one form.
func (in *rawLine) head(out *Line) *LineError {
	if in.Ch != nil {
		if out.Channel = *in.Ch; out.Channel == "" || len(out.Channel) > MaxName {
			return &LineError{Field: "ch", Value: short(*in.Ch), Accept: fmt.Sprintf("1 to %d bytes", MaxName)}
		}
	}
	if in.Trust != nil {
		switch *in.Trust {
		case "trusted":
			out.Trust = kernel.Trusted
		case "untrusted":
		default:
			return &LineError{Field: "trust", Value: short(*in.Trust), Accept: `"trusted" or "untrusted"`}
		}
	}
	if n := in.forms(); n != 1 {
		return &LineError{Field: "forms", Value: fmt.Sprint(n), Accept: "exactly one of u, x, phase, event, text"}
	}
	return nil
}

// timed reads a sample and its time.
func (in *rawLine) timed() (phase.Sample, *LineError) {
	if in.T == nil {
		return phase.Sample{}, &LineError{Field: "t", Value: "missing", Accept: "an integer of nanoseconds"}
	}
	t, err := in.T.Int64()
	if err != nil {
		return phase.Sample{}, &LineError{Field: "t", Value: in.T.String(), Accept: "an integer of nanoseconds from -2^63 to 2^63-1"}
	}
	s, bad := in.sample()
	s.T = t
	return s, bad
}

// forms counts how many of the mutually exclusive forms the line carries.
func (in *rawLine) forms() int {
	n := 0
	for _, set := range []bool{in.U != nil, in.X != nil, in.Phase != nil, in.Event != nil, in.Text != nil} {
		if set {
			n++
		}
	}
	return n
}

func (in *rawLine) sample() (phase.Sample, *LineError) {
	var s phase.Sample
	var err *LineError
	switch {
	case in.U != nil:
		s.Form = phase.Phasor
		s.X, err = pairs("u", in.U)
	case in.X != nil:
		s.Form = phase.Real
		s.R, err = numbers("x", in.X)
	case in.Phase != nil:
		s.Form = phase.Angle
		s.R, err = numbers("phase", in.Phase)
	default:
		s.Form = phase.Event
		if string(bytes.TrimSpace(in.Event)) != "true" {
			err = &LineError{Field: "event", Value: short(string(in.Event)), Accept: "true"}
		}
	}
	if err != nil || in.Y == nil {
		return s, err
	}
	return s, in.reference(&s)
}

// reference reads y in the sample's own form.
func (in *rawLine) reference(s *phase.Sample) (err *LineError) {
	d := len(s.R)
	n := 0
	switch s.Form {
	case phase.Phasor:
		d = len(s.X)
		s.Y, err = pairs("y", in.Y)
		n = len(s.Y)
	case phase.Real, phase.Angle:
		s.YR, err = numbers("y", in.Y)
		n = len(s.YR)
	default:
		return &LineError{Field: "y", Value: short(string(in.Y)), Accept: "no reference beside an event"}
	}
	if err == nil && n != d {
		err = &LineError{Field: "y", Value: fmt.Sprintf("%d values", n), Accept: fmt.Sprintf("%d, as many as the sample", d)}
	}
	return err
}

// numbers reads [a, b, …] or a bare number.
func numbers(field string, raw json.RawMessage) ([]float64, *LineError) {
	const accept = "a list of 1 to 4096 finite numbers"
	var one float64
	var many []float64
	switch {
	case json.Unmarshal(raw, &one) == nil && string(raw) != "null":
		many = []float64{one}
	case json.Unmarshal(raw, &many) != nil:
		return nil, &LineError{Field: field, Value: short(string(raw)), Accept: accept}
	}
	if len(many) == 0 || len(many) > MaxDims {
		return nil, &LineError{Field: field, Value: fmt.Sprintf("%d values", len(many)), Accept: accept}
	}
	return many, nil
}

// pairs reads [[re, im], …] or one bare [re, im].
func pairs(field string, raw json.RawMessage) ([]complex128, *LineError) {
	const accept = "a list of 1 to 4096 pairs [re, im] of finite numbers"
	var many [][]float64
	if json.Unmarshal(raw, &many) != nil {
		var one []float64
		if json.Unmarshal(raw, &one) != nil {
			return nil, &LineError{Field: field, Value: short(string(raw)), Accept: accept}
		}
		many = [][]float64{one}
	}
	if len(many) == 0 || len(many) > MaxDims {
		return nil, &LineError{Field: field, Value: fmt.Sprintf("%d values", len(many)), Accept: accept}
	}
	out := make([]complex128, len(many))
	for i, p := range many {
		if len(p) != 2 || math.IsInf(p[0], 0) || math.IsInf(p[1], 0) {
			return nil, &LineError{Field: fmt.Sprintf("%s[%d]", field, i), Value: fmt.Sprint(p), Accept: "a pair [re, im] of finite numbers"}
		}
		out[i] = complex(p[0], p[1])
	}
	return out, nil
}

func jsonComplaint(err error) string {
	msg := strings.TrimPrefix(err.Error(), "json: ")
	return "not a sample: " + msg + `; want {"t": ns, "ch": name?, "u"|"x"|"phase"|"event"|"text": …, "y"?, "trust"?}`
}

func short(s string) string {
	if len(s) > 80 {
		return s[:77] + "…"
	}
	return s
}
