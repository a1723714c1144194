package phasor

import (
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

const (
	cellBits  = 11
	cells     = 1 << cellBits // points of the circle
	cellShift = 16 - cellBits
	half      = 1 << (cellShift - 1) // rounds a phase to its nearest cell
	amplitude = 1 << 12              // the modulus of a phasor of the circle
)

// circle holds amplitude + amplitude·cos in the low and amplitude + amplitude·sin in the high 32 bits of
// each word, so that one addition adds both parts and neither part borrows from the other.
var circle = newCircle()

func newCircle() (t [cells]uint64) {
	for k := range t {
		sin, cos := exact.Sincos(uint64(k) << (64 - cellBits))
		c := uint64(math.Floor(float64(amplitude*cos) + (amplitude + 0.5)))
		s := uint64(math.Floor(float64(amplitude*sin) + (amplitude + 0.5)))
		t[k] = c | s<<32
	}
	return t
}

func cell(phase uint16) uint64 { return circle[(phase+half)>>cellShift] }

// Vector holds one phase per dimension, in turns·2^16. Its length is the codebook's Dims.
type Vector []uint16

// grown returns dst with n elements, in its own memory where that is enough.
func grown(dst Vector, n int) Vector {
	if cap(dst) < n {
		return make(Vector, n)
	}
	return dst[:n]
}

// Bind returns a·b, the sum of the phases: unlike both, and undone by Unbind. Binding commutes; Permute
// one side where the order matters. dst is overwritten, may be nil, a or b. It panics where b is shorter
// than a.
func Bind(dst, a, b Vector) Vector {
	dst, b = grown(dst, len(a)), b[:len(a)]
	for i, x := range a {
		dst[i] = x + b[i]
	}
	return dst
}

// Unbind returns a·conj(b), so that Unbind(Bind(a, b), b) is a, to the bit. dst as in Bind.
func Unbind(dst, a, b Vector) Vector {
	dst, b = grown(dst, len(a)), b[:len(a)]
	for i, x := range a {
		dst[i] = x - b[i]
	}
	return dst
}

// Permute returns v shifted cyclically by k dimensions, rho^k(v); -k undoes it. dst is overwritten, may be
// nil and must not overlap v.
func Permute(dst, v Vector, k int) Vector {
	dst = grown(dst, len(v))
	if len(v) == 0 {
		return dst
	}
	k = ((k % len(v)) + len(v)) % len(v)
	copy(dst[k:], v)
	copy(dst[:k], v[len(v)-k:])
	return dst
}

// gram writes rho^0(v0)·rho^1(v1)·… to dst; dst must not overlap them. len(v) <= len(dst).
func gram(dst Vector, v []Vector) {
	n := len(v) - 1
	for d := range n {
		dst[d] = 0
		for k, a := range v {
			dst[d] += a[(d-k+len(a))%len(a)]
		}
	}
	rest := dst[n:]
	switch len(v) {
	case 1:
		copy(rest, v[0])
	case 2:
		Bind(rest, v[0][1:], v[1][:len(rest)])
	default:
		bind3(rest, v[0][n:], v[1][n-1:], v[2][n-2:])
		for k, a := range v[3:] {
			Bind(rest, rest, a[n-3-k:])
		}
	}
}

func bind3(dst, a, b, c Vector) {
	a, b, c = a[:len(dst)], b[:len(dst)], c[:len(dst)]
	for i := range dst {
		dst[i] = a[i] + b[i] + c[i]
	}
}

// Similarity returns <a,b>/D, the mean of e^{i(a-b)}: 1 for a = b, within about 1/sqrt(2D) of 0 in each
// part for independent vectors. It is exact up to the circle of the package and allocates nothing. It
// panics where b is shorter than a; 0 for no dimensions.
func Similarity(a, b Vector) complex128 {
	n := len(a)
	if n == 0 {
		return 0
	}
	b = b[:n]
	var even, odd uint64
	for len(a) >= 8 && len(b) >= 8 {
		p, q := (*[8]uint16)(a), (*[8]uint16)(b)
		even += cell(p[0]-q[0]) + cell(p[2]-q[2]) + cell(p[4]-q[4]) + cell(p[6]-q[6])
		odd += cell(p[1]-q[1]) + cell(p[3]-q[3]) + cell(p[5]-q[5]) + cell(p[7]-q[7])
		a, b = a[8:], b[8:]
	}
	for i := range a {
		even += cell(a[i] - b[i])
	}
	sum, bias := even+odd, int64(n)*amplitude // a lane holds at most 2^13·16384 = 2^27
	re, im := int64(uint32(sum))-bias, int64(sum>>32)-bias
	return complex(float64(re)/float64(bias), float64(im)/float64(bias))
}
