package phasor

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/becomingone/becomingone/kernel/evidence"
)

const viewBits = 23 // of the largest component of a view, its sign apart

// View is a bundle at one moment, ready to be asked. An answer costs one to two nanoseconds per dimension
// and allocates nothing. The zero value is the view of an empty bundle of no dimensions; Bundle.View reuses
// its memory, 24·D bytes. Components are rounded to 2^-22 of the largest one or finer. Safe for concurrent
// reading.
type View struct {
	book   uint64
	at     []int32 // re, im of each dimension
	sum    []int64 // the same before it was rounded
	weight float64 // what 1 of at is, as a weight
	re, im int64   // Σ of the parts, to take the bias of the circle out again
	mass   float64
	l1, l2 float64 // Σ|b_d| and sqrt(Σ|b_d|²), in weights
}

// View writes what b holds at its age to dst. dst may be nil.
func (b *Bundle) View(dst *View) *View {
	if dst == nil {
		dst = new(View)
	}
	if cap(dst.at) < 2*b.dims {
		dst.at, dst.sum = make([]int32, 2*b.dims), make([]int64, 2*b.dims)
	}
	*dst = View{book: b.book, at: dst.at[:2*b.dims], sum: dst.sum[:2*b.dims]}
	_, into := b.age.index()
	unit := float64(grain * growth(into))
	dst.mass = (float64(b.now.mass) + math.Ldexp(float64(b.last.mass), -lighter)) / unit
	fine := b.mix(dst.sum)
	shift := max(0, bits.Len64(reach(dst.sum))-viewBits)
	dst.weight = math.Ldexp(1, shift-fine) / float64(unit*amplitude)
	dst.measure(shift)
	return dst
}

// measure rounds the sum to the components and gathers what is said of all of them.
func (v *View) measure(shift int) {
	var l1 float64
	var l2 int64 // below 2·2^46·16384 = 2^61
	half := int64(1) << shift >> 1
	at := v.at[:len(v.sum)]
	for i := 0; i+1 < len(v.sum); i += 2 {
		re, im := (v.sum[i]+half)>>shift, (v.sum[i+1]+half)>>shift
		at[i], at[i+1] = int32(re), int32(im)
		v.re += re
		v.im += im
		l1 += math.Sqrt(float64(re*re + im*im))
		l2 += re*re + im*im
	}
	v.l1, v.l2 = float64(l1*v.weight), float64(math.Sqrt(float64(l2))*v.weight)
}

// Mass returns the sum of the weights held.
func (v *View) Mass() float64 { return v.mass }

// Items returns D·Mass²/|b|², the number of independent items of equal weight that would make this sum,
// about; 0 for an empty bundle.
func (v *View) Items() float64 {
	if v.l2 == 0 {
		return 0
	}
	r := v.mass / v.l2
	return float64(float64(r*r) * float64(len(v.at)/2))
}

// Noise returns the standard deviation of Weight for a vector that is not in the bundle, |b|/(D·sqrt(2)).
func (v *View) Noise() float64 {
	if v.l2 == 0 {
		return 0
	}
	return v.l2 / float64(math.Sqrt2*float64(len(v.at)/2))
}

// Weight returns Re <a,b>/D, an unbiased estimate of the weight that a has in the bundle, within Noise.
// It panics where a has fewer dimensions; dimensions beyond the view's are ignored.
func (v *View) Weight(a Vector) float64 {
	if len(v.at) == 0 {
		return 0
	}
	return float64(float64(v.dotRe(a))*v.weight) / float64(amplitude*float64(len(v.at)/2))
}

// Coherence returns <a,b>/(sqrt(D)·|b|), at most 1 in modulus; the null is that of Similarity.
func (v *View) Coherence(a Vector) complex128 {
	if v.l2 == 0 {
		return 0
	}
	scale := v.weight / float64(amplitude*float64(v.l2*math.Sqrt(float64(len(v.at)/2))))
	return complex(float64(float64(v.dotRe(a))*scale), float64(float64(v.dotIm(a))*scale))
}

// LnChance returns ln of the bound on the chance that a vector drawn without regard to the bundle has at
// least the modulus that a has: evidence.LnBound of its phasors weighted by |b_d|.
func (v *View) LnChance(a Vector) float64 {
	if v.l2 == 0 {
		return 0
	}
	c := v.Coherence(a)
	r := v.l1 / v.l2
	nu, d := float64(r*r), float64(len(v.at)/2)
	square := float64(real(c)*real(c)) + float64(imag(c)*imag(c))
	return min(0, evidence.LnBound(nu, min(1, float64(square*d)/nu)))
}

// Against returns <v,o>/(|v|·|o|), the cosine of two bundles of one codebook: that of their weighted
// counts of n-grams, within about 1/sqrt(2D). 0 where one is empty.
func (v *View) Against(o *View) (complex128, error) {
	if v.book != o.book || len(v.at) != len(o.at) {
		return 0, fmt.Errorf("phasor: compare book %#x with %#x: %w", v.book, o.book, ErrBook)
	}
	if v.l2 == 0 || o.l2 == 0 {
		return 0, nil
	}
	var re, im int64 // below 2^23·2^23·2·16384 = 2^61
	for d := 0; d < len(v.at); d += 2 {
		a, b := int64(v.at[d]), int64(v.at[d+1])
		x, y := int64(o.at[d]), int64(o.at[d+1])
		re += a*x + b*y
		im += b*x - a*y
	}
	scale := v.weight / v.l2 * (o.weight / o.l2)
	return complex(float64(float64(re)*scale), float64(float64(im)*scale)), nil
}

// dotRe returns Re Σ a·conj(at): below 2^13·2^23·2·16384 = 2^51.
func (v *View) dotRe(a Vector) (sum int64) {
	at, bias := v.at, amplitude*(v.re+v.im)
	a = a[:len(at)/2]
	for len(a) >= 4 && len(at) >= 8 {
		p, q := (*[4]uint16)(a), (*[8]int32)(at)
		x, y := cell(p[0]), cell(p[1])
		sum += int64(q[0])*int64(uint32(x)) + int64(q[1])*int64(x>>32)
		sum += int64(q[2])*int64(uint32(y)) + int64(q[3])*int64(y>>32)
		x, y = cell(p[2]), cell(p[3])
		sum += int64(q[4])*int64(uint32(x)) + int64(q[5])*int64(x>>32)
		sum += int64(q[6])*int64(uint32(y)) + int64(q[7])*int64(y>>32)
		a, at = a[4:], at[8:]
	}
	return sum - bias
}

// dotIm returns Im Σ a·conj(at).
func (v *View) dotIm(a Vector) (sum int64) {
	bias := int64(amplitude * (v.re - v.im))
	for d, phase := range a[:len(v.at)/2] {
		x := cell(phase)
		sum += int64(v.at[2*d])*int64(x>>32) - int64(v.at[2*d+1])*int64(uint32(x))
	}
	return sum - bias
}
