package align

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

const (
	one      = 1 << 30 // the unit of Sums
	maxUnits = 1 << 61 // of W: 2^31 samples
)

var errSums = errors.New("align: sums")

// Sums is a window's S = Σ w·u, W = Σ w and Q = Σ w² over phasors |u| <= 1 with weights in [0, 1], in units
// of 2^-30. Sums of windows that share no sample add up to the sums of all their samples, in any order
// and to the same bits: integers forget nothing (KERNEL.md 4.5).
type Sums struct {
	Re, Im int64 // of S; |S| <= W
	W, Q   int64 // 0 <= Q <= W <= 2^61
}

// NewSums returns the sums of a window in floats; parts are rounded so that |S| <= W stays true. It is an
// error if they are not what weights in [0, 1] and phasors can give.
func NewSums(s complex128, w, q float64) (Sums, error) {
	if a := exact.Abs(s); !(w >= 0 && w <= maxUnits/one && a <= float64(w*(1+1e-9)) && q >= 0 && q <= float64(w*(1+1e-9))) {
		return Sums{}, fmt.Errorf("%w of |S| %v, W %v, Q %v: need |S| <= W, 0 <= Q <= W <= 2^31", errSums, a, w, q)
	}
	if s != 0 && exact.Abs(s) > w {
		s = exact.Scale(w, exact.Unit(s))
	}
	v := Sums{Re: int64(real(s) * one), Im: int64(imag(s) * one), W: int64(math.Ceil(w * one))}
	v.Q = min(int64(math.Ceil(q*one)), v.W)
	v.shorten()
	return v, v.Validate()
}

// Add takes in one phasor of weight 1; what has no direction changes nothing.
func (s *Sums) Add(u complex128) {
	if u = exact.Unit(u); u == 0 || s.W > maxUnits-one {
		return
	}
	v := Sums{Re: int64(real(u) * one), Im: int64(imag(u) * one), W: one, Q: one}
	v.shorten()
	s.Re, s.Im, s.W, s.Q = s.Re+v.Re, s.Im+v.Im, s.W+v.W, s.Q+v.Q
}

// shorten takes S back into the disc of radius W, which the floats' rounding can leave by parts in 2^50.
func (s *Sums) shorten() {
	for s.outside() {
		if abs(s.Re) >= abs(s.Im) {
			s.Re -= sign(s.Re) * int64(abs(s.Re)>>50+1)
		} else {
			s.Im -= sign(s.Im) * int64(abs(s.Im)>>50+1)
		}
	}
}

func abs(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func sign(v int64) int64 {
	if v < 0 {
		return -1
	}
	return 1
}

// outside reports |S| > W, in integers.
func (s *Sums) outside() bool {
	rh, rl := bits.Mul64(abs(s.Re), abs(s.Re))
	ih, il := bits.Mul64(abs(s.Im), abs(s.Im))
	wh, wl := bits.Mul64(uint64(s.W), uint64(s.W))
	l, carry := bits.Add64(rl, il, 0)
	h, over := bits.Add64(rh, ih, carry)
	return over != 0 || h > wh || h == wh && l > wl
}

// Validate reports sums that no window of phasors has.
func (s *Sums) Validate() error {
	switch {
	case s.W < 0 || s.W > maxUnits:
		return fmt.Errorf("%w: W %d: not in [0, 2^61]", errSums, s.W)
	case s.Q < 0 || s.Q > s.W || s.Q == 0 && s.W > 0:
		return fmt.Errorf("%w: Q %d: not in (0, W %d]", errSums, s.Q, s.W)
	case s.outside():
		return fmt.Errorf("%w: S %d%+di: |S| above W %d", errSums, s.Re, s.Im, s.W)
	}
	return nil
}

// Resonance returns T = S/W, |T| <= 1; 0 where W is 0.
func (s *Sums) Resonance() complex128 { p := pool{}; p.add(s); return p.resonance() }

// Nu returns the Kish number W²/Q; 0 where W is 0.
func (s *Sums) Nu() float64 { p := pool{}; p.add(s); return p.nu() }

// limit returns the sums that count where at most cap units of W and cap units of nu can be true: S and W
// shrink in step, so that T stays, and Q grows where nu would be above.
func (s *Sums) limit(cap int64) Sums {
	if cap <= 0 || s.W == 0 {
		return Sums{}
	}
	v := *s
	if v.W > cap {
		v.Re, v.Im = portion(v.Re, cap, v.W), portion(v.Im, cap, v.W)
		v.Q = portion(portion(v.Q, cap, v.W), cap, v.W)
		v.W = cap
	}
	v.Q = max(v.Q, portion(v.W, v.W, cap), 1)
	return v
}

// portion returns v·num/den towards 0, for 0 <= num <= den.
func portion(v, num, den int64) int64 {
	h, l := bits.Mul64(abs(v), uint64(num))
	q, _ := bits.Div64(h, l, uint64(den))
	return sign(v) * int64(q)
}

// wide is a 128-bit integer.
type wide struct {
	hi int64
	lo uint64
}

func (a *wide) add(v int64) {
	var carry uint64
	a.lo, carry = bits.Add64(a.lo, uint64(v), 0)
	a.hi += v>>63 + int64(carry)
}

// float returns the number in units of Sums, to within two roundings, the same for the same number.
func (a wide) float() float64 {
	hi, lo := uint64(a.hi), a.lo
	if a.hi < 0 {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	v := float64(float64(hi)*0x1p34) + float64(float64(lo)*0x1p-30)
	if a.hi < 0 {
		return -v
	}
	return v
}

// pool adds up sums.
type pool struct{ re, im, w, q wide }

func (p *pool) add(s *Sums) {
	p.re.add(s.Re)
	p.im.add(s.Im)
	p.w.add(s.W)
	p.q.add(s.Q)
}

func (p *pool) resonance() complex128 {
	w := p.w.float()
	if w == 0 {
		return 0
	}
	t := complex(p.re.float()/w, p.im.float()/w)
	if exact.Abs(t) > 1 {
		return exact.Unit(t)
	}
	return t
}

func (p *pool) nu() float64 {
	w := p.w.float()
	if w == 0 {
		return 0
	}
	return float64(w * (w / p.q.float()))
}
