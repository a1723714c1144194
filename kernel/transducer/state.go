package transducer

import (
	"encoding"
	"fmt"

	"github.com/becomingone/becomingone/kernel/cursor"
)

const stateVersion = 1

// maxPart bounds the state of one part, in bytes.
const maxPart = 1 << 24

// AppendBinary appends the window and the evidence.
func (e *Emissary) AppendBinary(dst []byte) ([]byte, error) {
	dst = append(dst, stateVersion, one(e.weighed), one(e.seeded))
	for _, v := range []uint64{e.steps, uint64(e.newest), uint64(e.begin), uint64(e.rose)} {
		dst = cursor.Uint(dst, v)
	}
	return appendParts(dst, e.window, e.onset, &e.process, &e.detector)
}

// UnmarshalBinary restores an Emissary of the same config, which then goes on bit-identically. After an
// error it is unusable.
func (e *Emissary) UnmarshalBinary(b []byte) error {
	r := cursor.New(b)
	checkVersion(r)
	e.weighed, e.seeded = r.Bool(), r.Bool()
	e.steps, e.newest, e.begin, e.rose = r.Uint(), r.Int(), r.Int(), r.Int()
	if err := readParts(r, e.window, e.onset, &e.process, &e.detector); err != nil {
		return fmt.Errorf("transducer: restore emissary: %w", err)
	}
	e.weigh()
	return nil
}

// AppendBinary appends the bank and which levels hold.
func (m *Master) AppendBinary(dst []byte) ([]byte, error) {
	dst = append(dst, stateVersion)
	var held uint64
	for j, h := range m.held {
		if h {
			held |= 1 << j
		}
	}
	dst = cursor.Uint(dst, held)
	if m.bank == nil {
		return dst, nil
	}
	return appendParts(dst, m.bank)
}

// UnmarshalBinary restores a Master of the same config, which then goes on bit-identically. After an
// error it is unusable.
func (m *Master) UnmarshalBinary(b []byte) error {
	r := cursor.New(b)
	checkVersion(r)
	held := r.Uint()
	if held>>(len(m.held)-1) > 1 {
		r.Fail(fmt.Errorf("levels %#x: more than %d", held, len(m.held)))
	}
	for j := range m.held {
		m.held[j] = held>>j&1 != 0
	}
	var parts []encoding.BinaryUnmarshaler
	if m.bank != nil {
		parts = append(parts, m.bank)
	}
	if err := readParts(r, parts...); err != nil {
		return fmt.Errorf("transducer: restore master: %w", err)
	}
	return nil
}

func one(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func checkVersion(r *cursor.Reader) {
	if v := r.Byte(); v != stateVersion {
		r.Fail(fmt.Errorf("version %d: not %d", v, stateVersion))
	}
}

func appendParts(dst []byte, parts ...encoding.BinaryAppender) ([]byte, error) {
	for _, p := range parts {
		b, err := p.AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		dst = cursor.Text(dst, b)
	}
	return dst, nil
}

func readParts(r *cursor.Reader, parts ...encoding.BinaryUnmarshaler) error {
	for _, p := range parts {
		b := r.Bytes(maxPart)
		if r.Err() != nil {
			return r.Err()
		}
		if err := p.UnmarshalBinary(b); err != nil {
			return err
		}
	}
	if len(r.Rest()) > 0 {
		r.Fail(fmt.Errorf("%d bytes behind the last part", len(r.Rest())))
	}
	return r.Err()
}
