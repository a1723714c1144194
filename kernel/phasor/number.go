package phasor

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

const (
	axisStep  = 1 << 20                   // steps of a number in one scale
	axisReach = 1 << 42                   // largest |x| in scales
	perRad    = (1 << 44) / (2 * math.Pi) // turns·2^64 per step and unit frequency

	// MinSigma2 is the least variance of Features: |s|² of embeddings at right angles is then at most 0.1.
	MinSigma2 = 1.15

	maxSigma2 = 1e4
	maxMatrix = 1 << 26
)

// normals draws standard normal numbers in pairs from a keystream, the same on every machine.
type normals struct {
	stream cipher.Stream
	spare  float64
	ready  bool
}

func (n *normals) next() float64 {
	if n.ready {
		n.ready = false
		return n.spare
	}
	var b [16]byte
	n.stream.XORKeyStream(b[:], b[:])
	u := float64(float64(binary.LittleEndian.Uint64(b[:])>>11) * 0x1p-53)
	r := math.Sqrt(float64(-2 * exact.Log(1-u)))
	sin, cos := exact.Sincos(binary.LittleEndian.Uint64(b[8:]))
	n.spare, n.ready = float64(r*sin), true
	return float64(r * cos)
}

// Axis makes vectors of numbers by fractional powers, theta_d = x·omega_d with normal omega_d, so that
//
//	E s = exp(-(x-y)²/(2·scale²)),
//
// and binding adds: Bind of x and y is the vector of x+y, to one phase word per dimension. The number is
// rounded to scale/2^20 first. It changes nothing after it is made.
type Axis struct {
	book  uint64
	scale float64
	turns []int64 // turns·2^64 per step
}

// Axis returns the axis of a name. scale > 0 is the distance at which similarity falls to exp(-1/2).
func (c *Codebook) Axis(name string, scale float64) (*Axis, error) {
	if !(scale > 0 && scale <= math.MaxFloat64) {
		return nil, fmt.Errorf("phasor: axis %q: scale %v: not above 0 and finite", name, scale)
	}
	a := &Axis{book: c.id, scale: scale, turns: make([]int64, c.dims)}
	n := normals{stream: c.stream(axisName, name)}
	for d := range a.turns {
		a.turns[d] = int64(math.Floor(float64(n.next()*perRad) + 0.5))
	}
	return a, nil
}

// Vector returns the vector of x, |x| <= scale·2^42. dst is overwritten and may be nil.
func (a *Axis) Vector(dst Vector, x float64) (Vector, error) {
	y := x / a.scale
	if !(math.Abs(y) <= axisReach) {
		return nil, fmt.Errorf("phasor: number %v: not within %v", x, float64(a.scale*axisReach))
	}
	steps := uint64(int64(math.Floor(float64(y*axisStep) + 0.5)))
	dst = grown(dst, len(a.turns))
	for d, f := range a.turns {
		dst[d] = uint16((steps*uint64(f) + 1<<47) >> 48)
	}
	return dst, nil
}

// Features makes vectors of embeddings by random Fourier features, phi_d = w_d·e with w_d ~ N(0, sigma²·I):
//
//	E s = exp(-sigma²·(1-cos)),
//
// cos the cosine of two embeddings. Embeddings of unrelated texts have cos above 0, so chance has to be
// measured on them; the bounds of this package hold for atoms. It changes nothing after it is made.
type Features struct {
	size int
	rows []float32 // D rows of size
}

// Features returns the features of a name for embeddings of size numbers. sigma2 in [MinSigma2, 1e4];
// D·size <= 2^26, 4 bytes each.
func (c *Codebook) Features(name string, size int, sigma2 float64) (*Features, error) {
	switch {
	case size < 1 || size > maxMatrix/c.dims:
		return nil, fmt.Errorf("phasor: features %q: size %d: not in 1…%d", name, size, maxMatrix/c.dims)
	case !(sigma2 >= MinSigma2 && sigma2 <= maxSigma2):
		return nil, fmt.Errorf("phasor: features %q: sigma² %v: not in [%v, %v]", name, sigma2, MinSigma2, maxSigma2)
	}
	f := &Features{size: size, rows: make([]float32, c.dims*size)}
	n, sigma := normals{stream: c.stream(features, name)}, math.Sqrt(sigma2)
	for i := range f.rows {
		f.rows[i] = float32(n.next() * sigma)
	}
	return f, nil
}

// Vector returns the vector of an embedding of any length above 0, which counts as a unit vector. dst is
// overwritten and may be nil.
func (f *Features) Vector(dst Vector, embedding []float32) (Vector, error) {
	if len(embedding) != f.size {
		return nil, fmt.Errorf("phasor: embedding of %d numbers: want %d", len(embedding), f.size)
	}
	square := 0.0
	for _, x := range embedding {
		square += float64(float64(x) * float64(x))
	}
	if !(square > 0 && square <= math.MaxFloat64) {
		return nil, fmt.Errorf("phasor: embedding of squared length %v: not above 0 and finite", square)
	}
	norm := math.Sqrt(square)
	dst = grown(dst, len(f.rows)/f.size)
	for d := range dst {
		dst[d] = uint16((exact.Turns(inner(f.rows[d*f.size:][:f.size], embedding)/norm) + 1<<47) >> 48)
	}
	return dst, nil
}

func inner(a, b []float32) (sum float64) {
	b = b[:len(a)]
	for i, x := range a {
		sum += float64(float64(x) * float64(b[i]))
	}
	return sum
}

// GateCos returns the cosine of embeddings at which E|s|² of Features of variance sigma2 is ic:
// 1 + ln(ic)/(2·sigma²). ic in (0, 1].
func GateCos(ic, sigma2 float64) float64 { return 1 + exact.Log(ic)/float64(2*sigma2) }
