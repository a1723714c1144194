package witness

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// The leaf's fixed numbers.
const (
	Version  = 1                     // of the leaf's layout
	HeadSize = 58                    // bytes before the tail
	MaxTail  = 1<<16 - 1 - HeadSize  // so that a leaf fits the uint16 length of a C2SP entry bundle
	SaltSize = 32                    // bytes of a payload's salt
	leafMark = uint32(0x62_6f_77_6c) // "bowl": becomingone witness leaf
)

// ErrLeaf is in the chain of every error of DecodeLeaf.
var ErrLeaf = errors.New("not a witness leaf")

// Leaf is the public, immutable part of a record: what the Merkle tree hashes.
type Leaf struct {
	Type     Type
	Level    Level
	Sequence uint64   // the entry's index in its log
	At       int64    // ns since 1970
	MAC      [32]byte // HMAC-SHA256(salt, payload)
	Tail     []byte
}

// AppendBinary appends the leaf's binary form to dst, which may be nil. An invalid level or a tail
// of more than MaxTail bytes is an error, and dst is returned as it was.
func (l *Leaf) AppendBinary(dst []byte) ([]byte, error) {
	if !l.Level.valid() {
		return dst, fmt.Errorf("witness: leaf level %d: want 1 to 4", l.Level)
	}
	if len(l.Tail) > MaxTail {
		return dst, fmt.Errorf("witness: leaf tail of %d bytes: want at most %d", len(l.Tail), MaxTail)
	}
	dst = binary.BigEndian.AppendUint32(dst, leafMark)
	dst = append(dst, Version)
	dst = binary.BigEndian.AppendUint16(dst, uint16(l.Type))
	dst = append(dst, byte(l.Level))
	dst = binary.BigEndian.AppendUint64(dst, l.Sequence)
	dst = binary.BigEndian.AppendUint64(dst, uint64(l.At))
	dst = append(dst, l.MAC[:]...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(l.Tail)))
	return append(dst, l.Tail...), nil
}

// DecodeLeaf reads a leaf that fills b exactly. Tail aliases b. Whatever it accepts, AppendBinary
// writes back byte for byte. Unknown types are accepted, unknown versions are not.
func DecodeLeaf(b []byte) (Leaf, error) {
	if len(b) < HeadSize {
		return Leaf{}, fmt.Errorf("witness: leaf of %d bytes: want at least %d: %w", len(b), HeadSize, ErrLeaf)
	}
	if m := binary.BigEndian.Uint32(b); m != leafMark {
		return Leaf{}, fmt.Errorf("witness: leaf magic %08x: want %08x: %w", m, leafMark, ErrLeaf)
	}
	if b[4] != Version {
		return Leaf{}, fmt.Errorf("witness: leaf version %d: want %d: %w", b[4], Version, ErrLeaf)
	}
	l := Leaf{
		Type:     Type(binary.BigEndian.Uint16(b[5:])),
		Level:    Level(b[7]),
		Sequence: binary.BigEndian.Uint64(b[8:]),
		At:       int64(binary.BigEndian.Uint64(b[16:])),
		Tail:     b[HeadSize:],
	}
	copy(l.MAC[:], b[24:])
	if !l.Level.valid() {
		return Leaf{}, fmt.Errorf("witness: leaf level %d: want 1 to 4: %w", l.Level, ErrLeaf)
	}
	if n := int(binary.BigEndian.Uint16(b[56:])); n != len(l.Tail) {
		return Leaf{}, fmt.Errorf("witness: leaf tail length %d: %d bytes follow: %w", n, len(l.Tail), ErrLeaf)
	}
	return l, nil
}

// Seal returns HMAC-SHA256(salt, payload), the leaf's commitment to a payload. Without the salt it
// tells nothing about the payload, not even to somebody who can guess it.
func Seal(salt *[SaltSize]byte, payload []byte) [32]byte {
	const short = 960
	if len(payload) > short {
		mac := hmac.New(sha256.New, salt[:])
		mac.Write(payload)
		return [32]byte(mac.Sum(nil))
	}
	// The same construction (RFC 2104) on the stack: most payloads are short and this path is hot.
	var inner [64 + short]byte
	var outer [64 + 32]byte
	for i := range 64 {
		inner[i], outer[i] = 0x36, 0x5c
	}
	for i, b := range salt {
		inner[i] ^= b
		outer[i] ^= b
	}
	copy(inner[64:], payload)
	sum := sha256.Sum256(inner[:64+len(payload)])
	copy(outer[64:], sum[:])
	return sha256.Sum256(outer[:])
}

// CycleTail is the tail of a Cycle leaf: its operations as one commitment.
type CycleTail struct {
	Operations uint32   // how many
	Root       [32]byte // their Tree's root
}

// Append appends the tail's 36 bytes to dst, which may be nil.
func (t CycleTail) Append(dst []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, t.Operations), t.Root[:]...)
}

// ParseCycleTail reads a Cycle leaf's tail: exactly 36 bytes.
func ParseCycleTail(b []byte) (CycleTail, error) {
	if len(b) != 36 {
		return CycleTail{}, fmt.Errorf("witness: cycle tail of %d bytes: want 36", len(b))
	}
	return CycleTail{Operations: binary.BigEndian.Uint32(b), Root: [32]byte(b[4:])}, nil
}

// ErasedTail is the tail of an Erased leaf: which entry lost its payload.
type ErasedTail struct{ Sequence uint64 }

// Append appends the tail's 8 bytes to dst, which may be nil.
func (t ErasedTail) Append(dst []byte) []byte {
	return binary.BigEndian.AppendUint64(dst, t.Sequence)
}

// ParseErasedTail reads an Erased leaf's tail: exactly 8 bytes.
func ParseErasedTail(b []byte) (ErasedTail, error) {
	if len(b) != 8 {
		return ErasedTail{}, fmt.Errorf("witness: erased tail of %d bytes: want 8", len(b))
	}
	return ErasedTail{Sequence: binary.BigEndian.Uint64(b)}, nil
}
