package kernel

import (
	"encoding"
	"fmt"
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/cursor"
	"github.com/becomingone/becomingone/kernel/gate"
)

const (
	stateVersion = 2
	maxState     = 1 << 30 // bytes of one part
)

// AppendBinary appends the complete state: a version byte, the config hash, then every field, the
// sessions and the answers. A kernel of the same config that takes it goes on bit-identically.
func (k *Kernel) AppendBinary(dst []byte) ([]byte, error) {
	dst = append(append(dst, stateVersion), k.hash[:]...)
	dst = cursor.Uint(dst, uint64(k.at))
	for _, f := range k.fields {
		b, err := f.append(nil)
		if err != nil {
			return nil, fmt.Errorf("kernel: save field %s: %w", f.cfg.Name, err)
		}
		dst = cursor.Text(dst, b)
	}
	b, err := k.book.AppendBinary(nil)
	if err != nil {
		return nil, fmt.Errorf("kernel: save sessions: %w", err)
	}
	if dst, err = appendPart(cursor.Text(dst, b), k.words); err != nil {
		return nil, fmt.Errorf("kernel: save answers: %w", err)
	}
	return dst, nil
}

// UnmarshalBinary takes a state that a kernel of the same config appended. On an error, of another config
// too, the kernel is as it was.
func (k *Kernel) UnmarshalBinary(b []byte) error {
	next, err := New(k.cfg)
	if err != nil {
		return err
	}
	r := cursor.New(b)
	if v := r.Byte(); v != stateVersion {
		r.Fail(fmt.Errorf("version %d: not %d", v, stateVersion))
	}
	var hash [32]byte
	for i := range hash {
		hash[i] = r.Byte()
	}
	if r.Err() == nil && hash != k.hash {
		return fmt.Errorf("kernel: restore: config %x: not %x", hash[:6], k.hash[:6])
	}
	next.at = r.Int()
	for _, f := range next.fields {
		if err := readPart(r, f.read); err != nil {
			return fmt.Errorf("kernel: restore field %s: %w", f.cfg.Name, err)
		}
	}
	if err := readPart(r, next.book.UnmarshalBinary); err != nil {
		return fmt.Errorf("kernel: restore sessions: %w", err)
	}
	if err := readPart(r, next.words.UnmarshalBinary); err != nil {
		return fmt.Errorf("kernel: restore answers: %w", err)
	}
	if len(r.Rest()) > 0 {
		return fmt.Errorf("kernel: restore: %d bytes behind the state", len(r.Rest()))
	}
	*k = *next
	return nil
}

func readPart(r *cursor.Reader, read func([]byte) error) error {
	b := r.Bytes(maxState)
	if r.Err() != nil {
		return r.Err()
	}
	return read(b)
}

func appendPart(dst []byte, p encoding.BinaryAppender) ([]byte, error) {
	b, err := p.AppendBinary(nil)
	return cursor.Text(dst, b), err
}

func (f *field) append(dst []byte) ([]byte, error) {
	heard := byte(0)
	if f.heard {
		heard = 1
	}
	dst = append(dst, heard, byte(f.level))
	dst = cursor.Uint(cursor.Uint(dst, uint64(f.t)), uint64(f.at))
	for _, n := range []uint64{f.counts.Samples, f.counts.Late, f.counts.Repeated, f.counts.Refused} {
		dst = cursor.Uint(dst, n)
	}
	dst = f.out.append(dst)
	var err error
	parts := []encoding.BinaryAppender{f.gate, f.master, f.emissary}
	if f.tracker != nil {
		parts = append(parts, f.tracker)
	}
	for _, p := range parts {
		if dst, err = appendPart(dst, p); err != nil {
			return nil, err
		}
	}
	dst = cursor.Uint(dst, uint64(len(f.streams)))
	for _, s := range f.streams {
		if dst, err = s.append(dst); err != nil {
			return nil, fmt.Errorf("channel %q: %w", s.channel, err)
		}
	}
	return dst, nil
}

func (f *field) read(b []byte) error {
	r := cursor.New(b)
	f.heard, f.level = r.Bool(), int(r.Byte())
	if _, _, levels := f.cfg.bank(); f.level >= levels {
		r.Fail(fmt.Errorf("level %d: not in 0…%d", f.level, levels-1))
	}
	f.t, f.at = r.Int(), r.Int()
	f.counts = Counts{Samples: r.Uint(), Late: r.Uint(), Repeated: r.Uint(), Refused: r.Uint()}
	f.out.read(r)
	parts := []encoding.BinaryUnmarshaler{f.gate, f.master, f.emissary}
	if f.tracker != nil {
		parts = append(parts, f.tracker)
	}
	for _, p := range parts {
		if err := readPart(r, p.UnmarshalBinary); err != nil {
			return err
		}
	}
	if r.Err() == nil && (f.out.State != f.gate.State() || f.out.Field != f.cfg.Name) {
		r.Fail(fmt.Errorf("output of field %q in state %v: gate of %q in %v", f.out.Field, f.out.State, f.cfg.Name, f.gate.State()))
	}
	for range r.Len(maxStreams, 40) {
		s, err := readStream(r, f.cfg)
		if err != nil {
			return err
		}
		f.streams = append(f.streams, s)
	}
	if len(r.Rest()) > 0 {
		r.Fail(fmt.Errorf("%d bytes behind the field", len(r.Rest())))
	}
	return r.Err()
}

func (s *stream) append(dst []byte) ([]byte, error) {
	dst = cursor.Uint(cursor.Text(dst, s.channel), uint64(s.first))
	dst = cursor.Uint(dst, uint64(len(s.times)))
	for _, t := range s.times {
		dst = cursor.Uint(dst, uint64(t))
	}
	dst, err := appendPart(dst, s.estimator)
	if err != nil {
		return nil, err
	}
	return appendPart(dst, s.correlator)
}

func readStream(r *cursor.Reader, cfg FieldConfig) (*stream, error) {
	s, err := newStream(cfg, r.Text(maxName), r.Int())
	if err != nil {
		return nil, err
	}
	for i := range r.Len(remembered, 8) {
		s.times = append(s.times, r.Int())
		if i > 0 && s.times[i-1] >= s.times[i] {
			r.Fail(fmt.Errorf("channel %q: times are not ascending", s.channel))
		}
	}
	if err := readPart(r, s.estimator.UnmarshalBinary); err != nil {
		return nil, fmt.Errorf("channel %q: %w", s.channel, err)
	}
	if err := readPart(r, s.correlator.UnmarshalBinary); err != nil {
		return nil, fmt.Errorf("channel %q: %w", s.channel, err)
	}
	return s, nil
}

// read is the inverse of append.
func (f *FieldOutput) read(r *cursor.Reader) {
	f.Field, f.T = r.Text(maxName), r.Int()
	for _, p := range [2]*Pathway{&f.Master, &f.Emissary} {
		p.T = complex(readFloat(r), readFloat(r))
		p.T2, p.Nu, p.Mass = readFloat(r), readFloat(r), readFloat(r)
		p.Tau = time.Duration(r.Int())
	}
	s, m := &f.Sync, &f.Margins
	s.T = complex(readFloat(r), readFloat(r))
	for _, x := range []*float64{
		&s.T2, &s.Chord, &s.Gap, &s.Angle, &s.Nu, &f.LnP, &f.LnE, &f.LnSR,
		&m.Effect, &m.Evidence, &m.First, &m.Mass, &m.Chord, &m.Fresh,
	} {
		*x = readFloat(r)
	}
	f.State, f.Reason, f.Changed = gate.State(r.Byte()), gate.Reason(r.Byte()), r.Bool()
}

func readFloat(r *cursor.Reader) float64 { return math.Float64frombits(r.Uint()) }
