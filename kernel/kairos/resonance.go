// Package kairos integrates temporal resonance: how steadily two signals keep their phase.
//
// A Correlator pairs each point x(t) with its reference y(t-lag) into a Term, the demodulated product
// p = ⟨x,y⟩_C·exp(iωt) and its energies. A window sums terms,
//
//	S = Σ w·p,  Ex = Σ w·⟨x,x⟩,  Ey = Σ w·⟨y,y⟩,  W = Σ w,  Q = Σ w²,  A1 = Σ w|p|,  A2 = Σ (w|p|)²,
//
// and reads T = S/W by phase or T = S/sqrt(Ex·Ey) by energy; |T| <= 1 either way. An Integrator is one
// window with its own correlator; a Bank is a row of leaky windows that share the terms, and a Ladder a row of
// staircase windows at the price of one. Each step is O(1)
// and allocates nothing once the rings have grown. All of it is the same to the bit on every machine.
// Source: KERNEL.md 1.
package kairos

import (
	"errors"
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// ErrLate reports a point or term that is older than the late horizon. It changed nothing.
var ErrLate = phase.ErrLate

// Term is what one pair adds to a window: its demodulated product and its energies.
type Term struct {
	T      int64      // ns, the time of x
	P      complex128 // ⟨x,y⟩_C·exp(iωt); |P| <= 1 by phase
	Ex, Ey float64    // ⟨x,x⟩_C, ⟨y,y⟩_C
	Weight float64    // 0…1; a term of weight 0 only moves the time
	Sign   int8       // +1 adds; -1 takes back what a late sample has changed
	Fresh  bool       // the pair of the newest arrival, not one that it has changed
}

var errTerm = errors.New("kairos: term: want finite parts, energies >= 0, a weight in 0…1 and a sign of ±1")

// check returns |t.P|, or an error for a term that no window may hold.
func (t *Term) check() (a float64, err error) {
	n := norm2(t.P)
	bits := math.Float64bits // as integers, floats >= 0 keep their order, and the rest lies above
	if bits(t.Weight) <= oneBits && bits(t.Ex) <= safeBits && bits(t.Ey) <= safeBits &&
		bits(n)-safeInverse <= safeBits-safeInverse && t.Sign*t.Sign == 1 {
		return math.Sqrt(n), nil
	}
	return t.checkEnds()
}

// checkEnds is check of what is near 0 or overflow, or wrong.
func (t *Term) checkEnds() (float64, error) {
	sum := math.Abs(real(t.P)) + math.Abs(imag(t.P)) + t.Ex + t.Ey // NaN and Inf survive a sum
	if !(sum <= math.MaxFloat64 && t.Ex >= 0 && t.Ey >= 0) || !(t.Weight >= 0 && t.Weight <= 1) || t.Sign != 1 && t.Sign != -1 {
		return 0, errTerm
	}
	return exact.Abs(t.P), nil
}

// safe is where a square is still far from overflow, and its inverse from underflow.
const safe = 0x1p900

const (
	oneBits     = 1023 << 52         // of 1
	safeBits    = (1023 + 900) << 52 // of safe
	safeInverse = (1023 - 900) << 52 // of 1/safe
)

// Resonance is the state of a window at one instant. It is a plain value.
type Resonance struct {
	N      uint64     // pairs of weight > 0: ever added (leaky), inside (rectangular)
	At     int64      // ns, the instant
	S      complex128 // Σ w·p
	W, Q   float64    // Σ w, Σ w²
	Ex, Ey float64    // Σ w·⟨x,x⟩, Σ w·⟨y,y⟩
	A1, A2 float64    // Σ w|p|, Σ (w|p|)²
	T      complex128 // the resonance, |T| <= 1; 0 for an empty window
	Ts     complex128 // T·W/(W+n0): silence carries it to 0
	T2     float64    // |T|²
	Ts2    float64    // |Ts|²
	Nu     float64    // effective samples: W²/Q by phase, min(W²/Q, A1²/A2) by energy
	Psi    float64    // arg T, rad in [-π, π]
}

// T2Unbiased returns the pairwise phase consistency (nu·|T|²-1)/(nu-1), whose mean under chance is 0. It
// is negative for |T|² below 1/nu, and 0 where nu <= 1 leaves nothing to compare.
func (r Resonance) T2Unbiased() float64 {
	if !(r.Nu > 1) {
		return 0
	}
	return (float64(r.Nu*r.T2) - 1) / (r.Nu - 1)
}

// sums is the additive part of a Resonance.
type sums struct {
	re, im, w, q, ex, ey, a1, a2 float64
}

// add adds the term with its weight multiplied by d; a is |t.P|.
func (s *sums) add(t *Term, d, a float64) {
	w := float64(d * t.Weight)
	wa := float64(w * a)
	q, a2 := float64(w*w), float64(wa*wa)
	if t.Sign < 0 {
		w, wa, q, a2 = -w, -wa, -q, -a2
	}
	s.re += float64(w * real(t.P))
	s.im += float64(w * imag(t.P))
	s.w += w
	s.q += q
	s.ex += float64(w * t.Ex)
	s.ey += float64(w * t.Ey)
	s.a1 += wa
	s.a2 += a2
}

// modulus is exact.Abs, to the bit, without a call where the squares neither vanish nor overflow.
func modulus(z complex128) float64 {
	if n := norm2(z); n > 1/safe && n < safe {
		return math.Sqrt(n)
	}
	return exact.Abs(z)
}

// sumsOf returns what the term alone adds; a is |t.P|.
func sumsOf(t *Term, a float64) sums {
	w := t.Weight
	wa := float64(w * a)
	q, a2 := float64(w*w), float64(wa*wa)
	if t.Sign < 0 {
		w, wa, q, a2 = -w, -wa, -q, -a2
	}
	return sums{
		float64(w * real(t.P)), float64(w * imag(t.P)), w, q, float64(w * t.Ex), float64(w * t.Ey), wa, a2,
	}
}

// plus adds o.
func (s *sums) plus(o *sums) {
	s.re += o.re
	s.im += o.im
	s.w += o.w
	s.q += o.q
	s.ex += o.ex
	s.ey += o.ey
	s.a1 += o.a1
	s.a2 += o.a2
}

// weigh adds o with every weight multiplied by k.
func (s *sums) weigh(o *sums, k float64) {
	k2 := float64(k * k)
	s.re += float64(o.re * k)
	s.im += float64(o.im * k)
	s.w += float64(o.w * k)
	s.q += float64(o.q * k2)
	s.ex += float64(o.ex * k)
	s.ey += float64(o.ey * k)
	s.a1 += float64(o.a1 * k)
	s.a2 += float64(o.a2 * k2)
}

func (s *sums) append(dst []byte) []byte {
	return state.Floats(dst, s.re, s.im, s.w, s.q, s.ex, s.ey, s.a1, s.a2)
}

func (s *sums) readFrom(r *state.Reader) {
	r.Floats(&s.re, &s.im, &s.w, &s.q, &s.ex, &s.ey, &s.a1, &s.a2)
}

// fold is decay(k) and then add in one pass, with the same bits.
func (s *sums) fold(k float64, t *Term, d, a float64) {
	mass := float64(s.w * k)
	if mass < emptyMass || t.Sign < 0 {
		s.decay(k)
		s.add(t, d, a)
		return
	}
	w := float64(d * t.Weight)
	wa := float64(w * a)
	k2 := float64(k * k)
	s.w = mass + w
	s.re = float64(s.re*k) + float64(w*real(t.P))
	s.im = float64(s.im*k) + float64(w*imag(t.P))
	s.q = float64(s.q*k2) + float64(w*w)
	s.ex = float64(s.ex*k) + float64(w*t.Ex)
	s.ey = float64(s.ey*k) + float64(w*t.Ey)
	s.a1 = float64(s.a1*k) + wa
	s.a2 = float64(s.a2*k2) + float64(wa*wa)
}

// foldInto is fold for a term of its full weight, and adds the term to part too. lean leaves it at S, W and Q.
func (s *sums) foldInto(part *sums, k float64, t *Term, a float64, lean bool) {
	mass, w := float64(s.w*k), t.Weight
	if mass < emptyMass {
		s.decay(k)
		mass = s.w
	}
	re, im, q := float64(w*real(t.P)), float64(w*imag(t.P)), float64(w*w)
	if t.Sign < 0 {
		w, re, im, q = -w, -re, -im, -q
	}
	k2 := float64(k * k)
	s.w = mass + w
	s.re = float64(s.re*k) + re
	s.im = float64(s.im*k) + im
	s.q = float64(s.q*k2) + q
	part.w += w
	part.re += re
	part.im += im
	part.q += q
	if lean {
		return
	}
	wa := float64(w * a)
	ex, ey, a2 := float64(w*t.Ex), float64(w*t.Ey), float64(wa*wa)
	if t.Sign < 0 {
		a2 = -a2
	}
	s.ex = float64(s.ex*k) + ex
	s.ey = float64(s.ey*k) + ey
	s.a1 = float64(s.a1*k) + wa
	s.a2 = float64(s.a2*k2) + a2
	part.ex += ex
	part.ey += ey
	part.a1 += wa
	part.a2 += a2
}

// absorb moves part into s, of which k is left then, and into up, field by field: one pass over what the
// last term has just written. lean knows that there is no more than S, W and Q.
func (s *sums) absorb(part, up *sums, k float64, lean bool) {
	k2 := float64(k * k)
	re, im, w, q := part.re, part.im, part.w, part.q
	part.re, part.im, part.w, part.q = 0, 0, 0, 0
	s.re = float64((s.re + re) * k)
	s.im = float64((s.im + im) * k)
	s.w = float64((s.w + w) * k)
	s.q = float64((s.q + q) * k2)
	up.re += re
	up.im += im
	up.w += w
	up.q += q
	if !lean {
		s.absorbRest(part, up, k, k2)
	}
	if s.w < emptyMass {
		*s = sums{}
	}
}

// absorbRest is absorb for what comes with the energies.
func (s *sums) absorbRest(part, up *sums, k, k2 float64) {
	ex, ey, a1, a2 := part.ex, part.ey, part.a1, part.a2
	part.ex, part.ey, part.a1, part.a2 = 0, 0, 0, 0
	s.ex = float64((s.ex + ex) * k)
	s.ey = float64((s.ey + ey) * k)
	s.a1 = float64((s.a1 + a1) * k)
	s.a2 = float64((s.a2 + a2) * k2)
	up.ex += ex
	up.ey += ey
	up.a1 += a1
	up.a2 += a2
}

// emptyMass is the mass below which a window counts as empty: far from denormals even when squared.
const emptyMass = 1e-30

// decay multiplies every weight by k in [0, 1].
func (s *sums) decay(k float64) {
	s.w = float64(s.w * k)
	if s.w < emptyMass {
		*s = sums{}
		return
	}
	k2 := float64(k * k)
	s.re = float64(s.re * k)
	s.im = float64(s.im * k)
	s.q = float64(s.q * k2)
	s.ex = float64(s.ex * k)
	s.ey = float64(s.ey * k)
	s.a1 = float64(s.a1 * k)
	s.a2 = float64(s.a2 * k2)
}

// read normalises s. n0 is the pseudo-mass that does not decay.
func (s *sums) read(reading phase.Reading, n0 float64, n uint64, at int64) Resonance {
	if s.w < emptyMass { // as decay leaves it: a very late term alone is as empty
		*s = sums{}
	}
	r := Resonance{
		N: n, At: at, S: complex(s.re, s.im),
		W: s.w, Q: s.q, Ex: s.ex, Ey: s.ey, A1: s.a1, A2: s.a2,
	}
	norm := s.w
	if reading == phase.ByEnergy {
		norm = math.Sqrt(float64(max(s.ex, 0) * max(s.ey, 0)))
	}
	if !(s.w > 0 && s.q > 0) {
		return r
	}
	r.Nu = float64(s.w*s.w) / s.q
	if reading == phase.ByEnergy {
		nu := 0.0
		if s.a2 > 0 {
			nu = float64(s.a1*s.a1) / s.a2
		}
		r.Nu = min(r.Nu, nu)
	}
	if !(norm > 0) {
		return r
	}
	r.T = inDisc(complex(s.re/norm, s.im/norm))
	r.T2 = norm2(r.T)
	r.Ts = exact.Scale(s.w/(s.w+n0), r.T)
	r.Ts2 = norm2(r.Ts)
	r.Psi = exact.Atan2(s.im, s.re)
	return r
}

// inDisc takes the rounding above 1 off |t|: mathematics bounds it, the last bits do not.
func inDisc(t complex128) complex128 {
	if norm2(t) <= 1 {
		return t
	}
	return exact.Unit(t)
}

func norm2(z complex128) float64 {
	return float64(real(z)*real(z)) + float64(imag(z)*imag(z))
}

// Pool returns the resonance of all terms in parts together, which must come from windows of one reading,
// one demodulation and one instant: sums add, so the pool is exactly the resonance of the pooled samples.
func Pool(reading phase.Reading, n0 float64, parts ...Resonance) Resonance {
	var s sums
	var n uint64
	var at int64
	for i, p := range parts {
		s.re += real(p.S)
		s.im += imag(p.S)
		s.w += p.W
		s.q += p.Q
		s.ex += p.Ex
		s.ey += p.Ey
		s.a1 += p.A1
		s.a2 += p.A2
		n += p.N
		if i == 0 || p.At > at {
			at = p.At
		}
	}
	return s.read(reading, n0, n, at)
}

func checkN0(n0 float64) error {
	if !(n0 >= 0 && n0 <= math.MaxFloat64) {
		return fmt.Errorf("kairos: n0 %v: not a finite number >= 0", n0)
	}
	return nil
}
