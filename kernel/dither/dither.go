// Package dither turns each time slot of a link by a phase that only its two ends know.
//
// The sender turns slot k, channel d by chi(k, d), the receiver turns it back. What was made without the
// key, be it a constant, a tone, a recording, or an answer to every phase revealed so far, comes out of the
// turning back with phases that are uniform given the past: exactly the null hypothesis of package
// evidence, whose bounds then hold against any adversary but for the PRF's advantage. It does not stop one
// that relays within the slot, holds the key, or makes a key holder say what it wants.
// Source: KERNEL.md 2.7.
//
// # The function
//
//	slot key  = HMAC-SHA256(key, "becomingone dither 1\x00" ‖ session)
//	block     = AES-256(slot key, slot as 8 bytes ‖ channel/2 as 8 bytes), big-endian
//	chi(k, d) = 2π/2^64 times the first 8 bytes of the block for even d, the last 8 for odd d, big-endian
//
// AES and not a hash for each slot: with AES instructions a block of two phases takes a third of an HMAC-SHA256
// with SHA instructions (some 40 and 140 ns; BenchmarkDither has both). AES is a permutation, so blocks never
// repeat: q blocks of a session are told from a random function with a chance of at most q²/2^129, 2^-65
// after 2^32 slots. Where the machine has no AES instructions, package crypto/aes looks up tables, and its
// timing may leak to another program on the same machine. HMAC once for each session keeps the link's key
// apart from AES and sessions apart from each other.
//
// A session names one direction of one link: two ends that turned by the same phases would take their own
// echo for the other.
package dither

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"time"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// Key is a link's secret, from the TLS exporter or the two pathways' own randomness.
type Key [32]byte

const label = "becomingone dither 1\x00"

// Dither gives the phases of one session. Not safe for concurrent use.
type Dither struct {
	block cipher.Block
	buf   [2 * aes.BlockSize]byte // the block's input and output
	at    [2]uint64               // what the output is for
	full  bool
}

// New returns the dither of a session, which is 1 to 256 bytes and names the link, its epoch and direction.
func New(key Key, session []byte) (*Dither, error) {
	if len(session) == 0 || len(session) > 256 {
		return nil, fmt.Errorf("dither: session of %d bytes: need 1 to 256", len(session))
	}
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(label))
	mac.Write(session)
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, fmt.Errorf("dither: new: %w", err)
	}
	return &Dither{block: block}, nil
}

// Phase returns chi of a slot and channel in turns·2^64. channel >= 0. It allocates nothing.
func (d *Dither) Phase(slot int64, channel int) uint64 {
	at := [2]uint64{uint64(slot), uint64(channel) / 2}
	if !d.full || d.at != at {
		in, out := d.buf[:aes.BlockSize], d.buf[aes.BlockSize:]
		binary.BigEndian.PutUint64(in, at[0])
		binary.BigEndian.PutUint64(in[8:], at[1])
		d.block.Encrypt(out, in)
		d.at, d.full = at, true
	}
	return binary.BigEndian.Uint64(d.buf[aes.BlockSize+8*(channel&1):])
}

// Rotor returns exp(i·chi).
func (d *Dither) Rotor(slot int64, channel int) complex128 {
	sin, cos := exact.Sincos(d.Phase(slot, channel))
	return complex(cos, sin)
}

// Apply turns x, one value a channel, by the slot's phases, in place.
func (d *Dither) Apply(slot int64, x []complex128) {
	for k := range x {
		x[k] = exact.Mul(x[k], d.Rotor(slot, k))
	}
}

// Remove turns x back, in place. Apply and Remove together leave x to within 1e-15·|x|.
func (d *Dither) Remove(slot int64, x []complex128) {
	for k := range x {
		x[k] = exact.MulConj(x[k], d.Rotor(slot, k))
	}
}

// ApplyTurns is Apply for phases in turns·2^64: RemoveTurns gives them back bit for bit.
func (d *Dither) ApplyTurns(slot int64, turns []uint64) {
	for k := range turns {
		turns[k] += d.Phase(slot, k)
	}
}

// RemoveTurns is Remove for phases in turns·2^64.
func (d *Dither) RemoveTurns(slot int64, turns []uint64) {
	for k := range turns {
		turns[k] -= d.Phase(slot, k)
	}
}

// Slots cuts event time into slots. A slot is as long as a relay may take without being noticed: the
// shorter, the safer, and at least as long as the two clocks are apart.
type Slots struct {
	T0     int64 // ns, where slot 0 begins
	Length int64 // ns, above 0
}

// NewSlots returns slots of the given length from t0 on.
func NewSlots(t0 int64, length time.Duration) (Slots, error) {
	if length <= 0 {
		return Slots{}, fmt.Errorf("dither: slot length %v: not above 0", length)
	}
	return Slots{T0: t0, Length: int64(length)}, nil
}

// At returns the slot of event time t, rounded down: slots before T0 are negative. Distances beyond 2^63 ns
// count modulo 2^64 ns, as everywhere in the kernel.
func (s Slots) At(t int64) int64 {
	d := t - s.T0
	k := d / s.Length
	if d%s.Length < 0 {
		k--
	}
	return k
}

// Start returns where a slot begins and whether that is an int64.
func (s Slots) Start(slot int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(slot), uint64(s.Length))
	if hi != 0 || lo > 1<<63-1 {
		return 0, false
	}
	d := int64(lo)
	if slot < 0 {
		d = -d
	}
	t := s.T0 + d
	return t, (t >= s.T0) == (d >= 0)
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// Receiver turns a link's samples back and lets each slot count once and in order. Two samples of one slot
// share their phase, so after the first the second is no longer uniform given the past; and a slot that
// has passed is known to whoever heard it. Not safe for concurrent use.
type Receiver struct {
	dither  *Dither
	slots   Slots
	last    int64
	heard   bool
	refused uint64
}

// NewReceiver returns a receiver that has heard nothing. It takes over the dither.
func NewReceiver(d *Dither, s Slots) *Receiver { return &Receiver{dither: d, slots: s} }

// Take turns x of event time t back in place and reports true, or reports false and leaves x alone if t's
// slot is not later than every slot taken. It allocates nothing.
func (r *Receiver) Take(t int64, x []complex128) bool {
	slot := r.slots.At(t)
	if r.heard && slot <= r.last {
		r.refused++
		return false
	}
	r.last, r.heard = slot, true
	r.dither.Remove(slot, x)
	return true
}

// Refused returns how many samples came in a slot that was used or past.
func (r *Receiver) Refused() uint64 { return r.refused }
