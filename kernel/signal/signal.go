// Package signal makes deterministic streams for demos, tests and benchmarks.
//
// Randomness is SplitMix64, so that a seed names the same stream in any language: s += 0x9E3779B97F4A7C15;
// z = s; z = (z^(z>>30))·0xBF58476D1CE4E5B9; z = (z^(z>>27))·0x94D049BB133111EB; out = z^(z>>31).
package signal

import (
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// Rand is SplitMix64; its value is the seed. Not safe for concurrent use.
type Rand uint64

// Uint64 returns the next 64 bits.
func (r *Rand) Uint64() uint64 {
	*r += 0x9E3779B97F4A7C15
	z := uint64(*r)
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// Float64 returns the next number in [0, 1).
func (r *Rand) Float64() float64 { return float64(float64(r.Uint64()>>11) * 0x1p-53) }

// Phase returns the next angle in [0, 2π).
func (r *Rand) Phase() float64 { return float64(2 * math.Pi * r.Float64()) }

// Gauss returns the next standard normal number, from two draws.
func (r *Rand) Gauss() float64 {
	u := r.Float64()
	_, cos := exact.Sincos(r.Uint64() >> 11 << 11)
	return float64(math.Sqrt(float64(-2*exact.Log(1-u))) * cos)
}

// Circle returns the next phasor of uniform phase.
func (r *Rand) Circle() complex128 { return turn(r.Uint64()) }

func turn(w uint64) complex128 {
	sin, cos := exact.Sincos(w)
	return complex(cos, sin)
}

// Clock is the time of a stream: sample k is at Start + k·Step, each later by up to Jitter.
type Clock struct {
	Start  int64         // ns
	Step   time.Duration // > 0
	Jitter time.Duration // 0…Step, uniform; 0 draws nothing
}

func (c Clock) at(k int64, r *Rand) int64 {
	t := c.Start + k*int64(c.Step)
	if c.Jitter > 0 {
		t += int64(r.Uint64() % uint64(c.Jitter))
	}
	return t
}

// Stream makes one sample after another. Its constructors are Tone, Chirp, Noise, Coupled and Jittered.
// Not safe for concurrent use.
type Stream struct {
	clock Clock
	rand  Rand
	k     int64
	x, y  [1]complex128
	next  func(t int64, r *Rand) (x, y complex128)
	cross bool
}

// Next returns the next sample, a phasor. Its slices belong to the stream and hold until the next call.
func (s *Stream) Next() phase.Sample {
	t := s.clock.at(s.k, &s.rand)
	s.k++
	s.x[0], s.y[0] = s.next(t, &s.rand)
	out := phase.Sample{T: t, Form: phase.Phasor, X: s.x[:]}
	if s.cross {
		out.Y = s.y[:]
	}
	return out
}

// Tone is the steady phasor exp(i2πft) of the oscillator's line, without a reference.
func Tone(c Clock, seed uint64, line phase.NCO) *Stream {
	return &Stream{clock: c, rand: Rand(seed), next: func(t int64, _ *Rand) (complex128, complex128) {
		return line.Rotor(t), 1
	}}
}

// Chirp is a phasor whose frequency starts at the line's and rises by hzPerSecond, without a reference.
func Chirp(c Clock, seed uint64, line phase.NCO, hzPerSecond float64) *Stream {
	return &Stream{clock: c, rand: Rand(seed), next: func(t int64, _ *Rand) (complex128, complex128) {
		sec := float64(float64(t-c.Start) * 1e-9)
		rise := float64(math.Pi * float64(hzPerSecond*float64(sec*sec)))
		return turn(line.Phase(t) + exact.Turns(rise)), 1
	}}
}

// Noise is a phasor of uniform phase against an independent reference of uniform phase: chance itself.
func Noise(c Clock, seed uint64) *Stream {
	return &Stream{clock: c, rand: Rand(seed), cross: true, next: func(_ int64, r *Rand) (complex128, complex128) {
		return r.Circle(), r.Circle()
	}}
}

// Coupled is a phasor of uniform phase against a reference that follows it with a Gaussian phase error of
// sigma rad, detuned by the line: x = y·exp(i(sigma·g - ωt)). |T| is exp(-sigma²/2) at the line's omega.
func Coupled(c Clock, seed uint64, line phase.NCO, sigma float64) *Stream {
	return &Stream{clock: c, rand: Rand(seed), cross: true, next: func(t int64, r *Rand) (complex128, complex128) {
		y := r.Uint64()
		return turn(y + exact.Turns(float64(sigma*r.Gauss())) - line.Phase(t)), turn(y)
	}}
}

// Jittered is a tone with a Gaussian phase error of sigma rad against the clean tone as its reference.
func Jittered(c Clock, seed uint64, line phase.NCO, sigma float64) *Stream {
	return &Stream{clock: c, rand: Rand(seed), cross: true, next: func(t int64, r *Rand) (complex128, complex128) {
		w := line.Phase(t)
		return turn(w + exact.Turns(float64(sigma*r.Gauss()))), turn(w)
	}}
}
